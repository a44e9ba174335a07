"""What is going on with each machine: on a terminal one line for each, changed in place; elsewhere plain lines."""

from __future__ import annotations

import os
import shutil
import sys
import threading


class Progress:
    """May be used from several threads. `stream` is stdout at the time of each call."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")
        self._lines: dict[str, str] = {}
        self._drawn = 0
        self._lock = threading.Lock()

    def say(self, words: str) -> None:
        """Lines that stay."""
        with self._lock:
            self._draw(words)

    def show(self, key: str, words: str) -> None:
        """What `key` is at now; the same again is silent."""
        with self._lock:
            if self._lines.get(key) == words:
                return
            self._lines[key] = words
            self._draw("" if self._live else words)

    def end(self, key: str, words: str) -> None:
        """The last that is to be told of `key`; this stays."""
        with self._lock:
            self._lines.pop(key, None)
            self._draw(words)

    def close(self) -> None:
        """Whatever is still shown in place stays as it is."""
        with self._lock:
            left = list(self._lines.values()) if self._live else []
            self._lines = {}
            self._draw("\n".join(left))

    def _draw(self, lasting: str) -> None:
        if not self._live:
            if lasting:
                print(lasting, flush=True)
            return
        size = shutil.get_terminal_size()
        up = f"\x1b[{self._drawn}A\x1b[J" if self._drawn else ""
        shown = [line[: max(1, size.columns - 1)] for line in list(self._lines.values())[-max(1, size.lines - 2) :]]
        self._drawn = len(shown)
        sys.stdout.write(up + "".join(f"{line}\n" for line in ([lasting] if lasting else []) + shown))
        sys.stdout.flush()
