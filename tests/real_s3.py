"""A real S3 server for the tests of kept snapshots; see s3_server.py."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from caddis.backups.opening import StoreChoice


@dataclass(frozen=True)
class RealS3:
    """Where it listens, and the keys of `writer` and `reader`."""

    endpoint: str
    users: dict[str, dict[str, str]]
    process: subprocess.Popen[str]

    def choice(self, prefix: str, *, user: str = "writer", bucket: str = "kept") -> StoreChoice:
        """A store of one's own in its bucket."""
        return StoreChoice(url=f"s3://{bucket}/{prefix}", endpoint=self.endpoint, **self.users[user])


@contextmanager
def running_s3() -> Iterator[RealS3]:
    """It ends with the block."""
    script = Path(__file__).with_name("s3_server.py")
    argv = [sys.executable, "-W", "ignore", str(script)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout and process.stdin
            ready = json.loads(process.stdout.readline())
            yield RealS3(ready["endpoint"], ready["users"], process)
            process.stdin.close()
            process.wait(timeout=20)
        finally:
            process.kill()
