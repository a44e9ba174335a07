"""A store in a bucket of S3, or of anything that speaks it with conditional writes (If-None-Match)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from caddis.backups.objects import Stored, StoreFailed, check_name
from caddis.domain.errors import Problem, Unreachable

_CONNECT = timedelta(seconds=5)
_REQUEST = timedelta(seconds=60)  # one chunk of 1 MiB, there or back
_RETRIES = 4
_RETRYING = timedelta(seconds=45)  # no further attempt after this: a server that is silent costs one request's time

_PLAIN = {
    "NoSuchBucket": "there is no such bucket",
    "InvalidAccessKeyId": "it does not know the access key",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key",
    "AccessDenied": "the access key may not do this there",
    "QuotaExceeded": "it is full",
    "XMinioStorageFull": "it is full",
}


class S3Objects:
    """Objects below a prefix of one bucket. Retries are obstore's own: 5xx, lost connections, with growing pauses.

    Every call ends within 105 s: the last attempt begins before 45 s and takes at most 60.
    """

    def __init__(
        self, bucket: str, prefix: str, *, endpoint: str | None, access_key: str, secret_key: str, region: str
    ) -> None:
        self._where = f"s3://{bucket}" + (f"/{prefix}" if prefix else "")
        self._at = f" at {endpoint}" if endpoint else ""
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            endpoint=endpoint,
            access_key_id=access_key,
            secret_access_key=secret_key,
            region=region,
            virtual_hosted_style_request=endpoint is None,  # servers of one's own rarely have a name for each bucket
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
                "connect_timeout": _CONNECT,
                "timeout": _REQUEST,
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRYING},
        )

    def __repr__(self) -> str:
        return f"S3Objects({self._where!r})"

    @property
    def where(self) -> str:
        """Bucket and prefix as a URL."""
        return self._where

    def put(self, name: str, content: bytes) -> None:
        """See Objects."""
        with self._told():
            obstore.put(self._store, check_name(name), content, mode="overwrite", use_multipart=False)

    def put_new(self, name: str, content: bytes) -> bool:
        """See Objects. After a lost answer a retry may find the name taken by this very call: compare the content."""
        with self._told():
            try:
                obstore.put(self._store, check_name(name), content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def find(self, name: str) -> bytes | None:
        """See Objects."""
        with self._told():
            try:
                return bytes(obstore.get(self._store, check_name(name)).bytes())
            except FileNotFoundError as absent:
                _raise_unless_absent(absent)
                return None

    def exists(self, name: str) -> bool:
        """See Objects. Of a bucket that is gone it cannot tell: a HEAD has no body. Other verbs do."""
        with self._told():
            try:
                obstore.head(self._store, check_name(name))
            except FileNotFoundError as absent:
                _raise_unless_absent(absent)
                return False
        return True

    def list_objects(self, folder: str) -> Iterator[Stored]:
        """See Objects; in order of name."""
        with self._told():
            for batch in obstore.list(self._store, check_name(folder)):
                for entry in batch:
                    yield Stored(entry["path"], entry["size"])

    def delete(self, name: str) -> None:
        """See Objects."""
        with self._told():
            try:
                obstore.delete(self._store, check_name(name))
            except FileNotFoundError as absent:
                _raise_unless_absent(absent)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns obstore's reports, of which the server's own code word is the useful part, into plain sentences."""
        try:
            yield
        except (BaseError, FileNotFoundError) as failed:
            raise self._problem(str(failed)) from None  # the original is pages long and repeats the request

    def _problem(self, report: str) -> Problem:
        report = report.partition("\n\nDebug source")[0]
        if code := _code(report):
            said = re.search(r"<Message>(.*?)</Message>", report, re.DOTALL)
            why = _PLAIN.get(code) or f"it said {code}" + (f": {said[1]}" if said else "")
            hint = "check the store's bucket, keys and their permissions" if code in _PLAIN else None
            return StoreFailed(f"the store {self._where}{self._at} refuses: {why}", hint=hint)
        if status := re.search(r"status code: (\d+[^:]*)", report):
            if status[1].startswith("403"):
                return StoreFailed(f"the store {self._where}{self._at} refuses: the keys may not do this there")
            return StoreFailed(f"the store {self._where}{self._at} answered with {status[1].strip()}")
        return Unreachable(
            f"the store {self._where}{self._at} did not answer", hint="is its address right, and is it running?"
        )


def _code(report: str) -> str | None:
    found = re.search(r"<Code>(\w+)</Code>", report) or re.search(r"\(code: (\w+)\)", report)
    return found[1] if found else None


def _raise_unless_absent(absent: FileNotFoundError) -> None:
    """404 is said of objects and of buckets alike."""
    if _code(str(absent)) not in (None, "NoSuchKey"):
        raise absent
