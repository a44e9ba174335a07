"""A guestbook on SQLite: small, real, and with nothing but Python's standard library.

    GET /         the entries, a form, and which release and machine answered
    POST /        signs: form fields `name` and `message`
    GET /entries  the entries as JSON
    GET /healthz  ok, when the database answers

What was signed is on disk before the answer is sent: SQLite in WAL with synchronous=FULL.
"""

from __future__ import annotations

import html
import json
import os
import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from urllib.parse import parse_qs

DATABASE = Path(os.environ.get("GUESTBOOK_DATABASE", "/data/guestbook.db"))
PORT = int(os.environ.get("PORT", "8080"))
RELEASE = os.environ.get("RELEASE", "1")
MOST_BYTES = 16 * 1024  # of one signed form
MOST_SHOWN = 100
LONGEST_NAME, LONGEST_MESSAGE = 80, 2000

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Guestbook</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
  li {{ margin-bottom: .8rem }} time, footer {{ color: #666; font-size: .85rem }}
  input, textarea {{ width: 100%; box-sizing: border-box; margin-bottom: .5rem; font: inherit }}
</style>
</head>
<body>
<h1>Guestbook</h1>
<form method="post" action="/">
<label>Name <input name="name" required maxlength="{longest_name}"></label>
<label>Message <textarea name="message" required maxlength="{longest_message}" rows="3"></textarea></label>
<button>Sign</button>
</form>
<h2>{count} signed</h2>
<ul>
{entries}
</ul>
<footer>Release {release} on machine {machine}. {kept}</footer>
</body>
</html>
"""


class Guestbook:
    """The entries. Every call opens the database anew, so that any thread may make it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._kept_open = self._open()  # closing the last connection folds the log into the file: once, at the end
        with self._kept_open as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS entry"
                " (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL, message TEXT NOT NULL)"
            )

    def close(self) -> None:
        """Fold the log into the database file."""
        self._kept_open.close()

    def sign(self, name: str, message: str) -> None:
        """Add an entry; on disk when this returns."""
        with closing(self._open()) as database, database:
            row = (int(time.time()), name, message)
            database.execute("INSERT INTO entry (at, name, message) VALUES (?, ?, ?)", row)

    def count(self) -> int:
        """How many have signed."""
        with closing(self._open()) as database:
            return int(database.execute("SELECT count(*) FROM entry").fetchone()[0])

    def latest(self) -> list[dict[str, object]]:
        """The latest entries, newest first; `at` in Unix seconds."""
        with closing(self._open()) as database:
            database.row_factory = sqlite3.Row
            rows = database.execute("SELECT id, at, name, message FROM entry ORDER BY id DESC LIMIT ?", (MOST_SHOWN,))
            return [dict(row) for row in rows]

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=10)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        return database


def render(guestbook: Guestbook) -> str:
    """The page."""
    entries = [
        f"<li><strong>{html.escape(str(entry['name']))}</strong> <time>{_when(entry['at'])}</time>"
        f"<br>{html.escape(str(entry['message']))}</li>"
        for entry in guestbook.latest()
    ]
    folder = DATABASE.parent
    kept = f"Kept on the volume at {folder}." if os.path.ismount(folder) else "No volume: gone with this machine."
    return PAGE.format(
        longest_name=LONGEST_NAME,
        longest_message=LONGEST_MESSAGE,
        count=guestbook.count(),
        entries="\n".join(entries),
        release=html.escape(RELEASE),
        machine=html.escape(os.environ.get("FLY_MACHINE_ID", "none")),
        kept=html.escape(kept),
    )


class Handler(BaseHTTPRequestHandler):
    """One request; `timeout` in seconds ends those who keep us waiting."""

    guestbook: Guestbook
    timeout = 10

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/":
                self._answer(200, render(self.guestbook), "text/html")
            case "/entries":
                self._answer(
                    200, json.dumps({"release": RELEASE, "entries": self.guestbook.latest()}), "application/json"
                )
            case "/healthz":
                self.guestbook.count()
                self._answer(200, "ok\n")
            case _:
                self._answer(404, "There is no such page.\n")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/" or not length.isdigit():
            self._answer(404 if self.path != "/" else 411, "Sign with a form that is sent to /.\n")
            return
        if int(length) > MOST_BYTES:
            self._answer(413, f"A signature has at most {MOST_BYTES} bytes.\n")
            return
        form = parse_qs(self.rfile.read(int(length)).decode(errors="replace"))
        name, message = (form.get(field, [""])[0].strip() for field in ("name", "message"))
        if not name or not message or len(name) > LONGEST_NAME or len(message) > LONGEST_MESSAGE:
            self._answer(422, f"Give a name (up to {LONGEST_NAME}) and a message (up to {LONGEST_MESSAGE} letters).\n")
            return
        self.guestbook.sign(name, message)
        self._answer(303, "Thank you.\n", location="/")

    def _answer(self, status: int, text: str, kind: str = "text/plain", *, location: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Listens on every address, of both families where there are two, and finishes what it has begun."""

    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    daemon_threads = False

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    guestbook = Handler.guestbook = Guestbook(DATABASE)
    server = Server(("", PORT), Handler)

    def stop(number: int, _frame: FrameType | None) -> None:
        print(f"Got {signal.Signals(number).name}, closing the book.", flush=True)
        threading.Thread(target=server.shutdown).start()  # it waits for the loop that this very thread is in

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    print(f"Guestbook release {RELEASE} listens on port {PORT}, database {DATABASE}.", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    guestbook.close()


def _when(at: object) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(int(str(at))))


if __name__ == "__main__":
    main()
