"""The format: one member's header to bytes, and a stream of bytes to members.

Written here instead of taken from `tarfile`, because that keeps every member in memory, reads headers of any size,
takes an archive that ends between two members for whole, and knows neither sparse files nor attributes when it writes.
Source: POSIX.1-2017 pax, and the GNU tar manual ("Storing Sparse Files", "Extended header keywords").
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

BLOCK = 512
END = bytes(2 * BLOCK)
_HEADER = struct.Struct("100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x")
_MOST_OF_A_HEADER = 16 << 20  # bytes of one member's extended header
_STEP = 1 << 20
_XATTR = b"SCHILY.xattr."


class Kind(StrEnum):
    """What a member is."""

    FILE = "file"
    FOLDER = "directory"
    SYMLINK = "symlink"
    LINK = "link"  # another name of a file that came before
    PIPE = "pipe"
    CHARACTERS = "character device"
    BLOCKS = "block device"
    OTHER = "other"


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"S": Kind.FILE,
    b"1": Kind.LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHARACTERS,
    b"4": Kind.BLOCKS,
    b"5": Kind.FOLDER,
    b"D": Kind.FOLDER,
    b"6": Kind.PIPE,
}
_LETTERS = {
    Kind.FILE: b"0",
    Kind.LINK: b"1",
    Kind.SYMLINK: b"2",
    Kind.CHARACTERS: b"3",
    Kind.BLOCKS: b"4",
    Kind.FOLDER: b"5",
    Kind.PIPE: b"6",
}


class BadTar(Exception):
    """Not a tar archive, or one that was cut short or altered; the message says which, for people."""


@dataclass(slots=True, kw_only=True)
class Member:
    """One file. `size` is what it has in the folder; `parts`, of a sparse file, are (offset, length) of its bytes."""

    name: bytes
    kind: Kind
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    size: int = 0
    target: bytes = b""
    device: tuple[int, int] = (0, 0)
    attributes: dict[bytes, bytes] = field(default_factory=dict)
    parts: list[tuple[int, int]] | None = None

    @property
    def stored(self) -> int:
        """Bytes of content, without the map of a sparse file."""
        if self.kind is not Kind.FILE:
            return 0
        return self.size if self.parts is None else sum(length for _offset, length in self.parts)


def padding(size: int) -> bytes:
    """What fills the last block."""
    return bytes(-size % BLOCK)


def encode(member: Member) -> bytes:
    """The header of a member, and the map of a sparse one; the content and its padding follow."""
    records = {_XATTR + _escape(name): value for name, value in sorted(member.attributes.items())}
    seconds, nanoseconds = divmod(member.mtime_ns, 10**9)
    if nanoseconds or seconds < 0:
        records[b"mtime"] = _decimal(member.mtime_ns)
    name, size, sparse_map = member.name, member.stored, b""
    if member.parts is not None:
        sparse_map = _encode_map(member.parts)
        size += len(sparse_map)
        records |= {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.name": name}
        records[b"GNU.sparse.realsize"] = b"%d" % member.size
        name = b"./GNUSparseFile.0/" + name.rpartition(b"/")[2][:80]
    if len(name) > 100 or not name.isascii():
        records[b"path"] = name
    if len(member.target) > 100 or not member.target.isascii():
        records[b"linkpath"] = member.target
    for key, value, most in ((b"uid", member.uid, 0o7777777), (b"gid", member.gid, 0o7777777), (b"size", size, 8**11)):
        if value >= most:
            records[key] = b"%d" % value
    header = _ustar(_LETTERS[member.kind], name, size, member)
    if not records:
        return header + sparse_map
    body = b"".join(_record(key, value) for key, value in records.items())
    extended = Member(name=b"./PaxHeaders/" + name.rpartition(b"/")[2][:80], kind=Kind.FILE, mode=0o644)
    return _ustar(b"x", extended.name, len(body), extended) + body + padding(len(body)) + header + sparse_map


def _ustar(letter: bytes, name: bytes, size: int, member: Member) -> bytes:
    def octal(value: int, digits: int) -> bytes:
        return b"%0*o\0" % (digits, value if 0 <= value < 8**digits else 0)

    fields = [name[:100], octal(member.mode & 0o7777, 7), octal(member.uid, 7), octal(member.gid, 7), octal(size, 11)]
    fields += [octal(member.mtime_ns // 10**9, 11), b" " * 8, letter, member.target[:100], b"ustar\0", b"00", b"", b""]
    fields += [octal(member.device[0], 7), octal(member.device[1], 7), b""]
    block = bytearray(_HEADER.pack(*fields))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    size = len(body)
    while size != len(body) + len(b"%d" % size):
        size = len(body) + len(b"%d" % size)
    return b"%d" % size + body


def _decimal(nanoseconds: int) -> bytes:
    sign, nanoseconds = (b"-", -nanoseconds) if nanoseconds < 0 else (b"", nanoseconds)
    return sign + b"%d.%09d" % divmod(nanoseconds, 10**9)


def _encode_map(parts: list[tuple[int, int]]) -> bytes:
    text = b"%d\n" % len(parts) + b"".join(b"%d\n%d\n" % part for part in parts)
    return text + padding(len(text))


def _escape(name: bytes) -> bytes:
    return name.replace(b"%", b"%25").replace(b"=", b"%3D")


class Reader:
    """Members of a stream in turn; what is not read of a member's content is passed over.

    `read(count)` gives so many bytes, fewer only at the end. BadTar for whatever is wrong, also for a missing end.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._left = 0  # of the current member's content, with its padding
        self._common: dict[bytes, bytes] = {}
        self._at = 0

    def members(self) -> Iterator[Member]:
        """Until the archive's own end marker; then the rest of the stream is read and dropped."""
        member = self._next()
        while member is not None:
            yield member
            for _part in self._take(self._left):
                pass
            member = self._next()
        while self._read(_STEP):
            pass

    def content(self, member: Member) -> Iterator[tuple[int, bytes]]:
        """Offsets and bytes of the member that `members` gave last."""
        for offset, length in [(0, member.size)] if member.parts is None else member.parts:
            for piece in self._take(length):
                yield offset, piece
                offset += len(piece)

    def _exactly(self, count: int) -> bytes:
        data = self._read(count)
        self._at += len(data)
        if len(data) < count:
            raise BadTar(f"it was cut short: it ends after {self._at} bytes, without a tar's end marker")
        return data

    def _take(self, count: int) -> Iterator[bytes]:
        while count > 0:
            piece = self._exactly(min(count, _STEP))
            count -= len(piece)
            self._left -= len(piece)
            yield piece

    def _next(self) -> Member | None:
        records: list[tuple[bytes, bytes]] = []
        long: dict[bytes, bytes] = {}
        while True:
            block = self._exactly(BLOCK)
            if not any(block):
                return None
            self._check_sum(block)
            letter, size = block[156:157], _number(block[124:136])
            if letter in b"xXgLK":
                body = self._extension(size)
                if letter in b"LK":
                    long[b"path" if letter == b"L" else b"linkpath"] = body.split(b"\0", 1)[0]
                elif letter == b"g":
                    self._common |= dict(_records(body))
                else:
                    records += _records(body)
            elif letter == b"V":  # a label
                self._extension(size)
            else:
                return self._member(block, letter, long, records)

    def _extension(self, size: int) -> bytes:
        if not 0 <= size <= _MOST_OF_A_HEADER:
            raise BadTar(f"it was altered, or is no tar: a header of {size} bytes")
        return self._exactly(size + len(padding(size)))[:size]

    def _check_sum(self, block: bytes) -> None:
        told = block[148:156].strip(b" \0")
        if not (told.isdigit() and int(told, 8) == sum(block[:148]) + 8 * 32 + sum(block[156:])):
            where = f"the header at byte {self._at - BLOCK} does not match its checksum"
            raise BadTar(f"it was altered: {where}" if self._at > BLOCK else "it is no tar archive")

    def _member(
        self, block: bytes, letter: bytes, long: dict[bytes, bytes], records: list[tuple[bytes, bytes]]
    ) -> Member:
        told = {**self._common, **long, **dict(records)}
        name, prefix = block[:100].split(b"\0", 1)[0], block[345:500].split(b"\0", 1)[0]
        if prefix and block[257:263] == b"ustar\0":
            name = prefix + b"/" + name
        kind = _KINDS.get(letter, Kind.OTHER)
        name = told.get(b"GNU.sparse.name") or told.get(b"path") or name
        if kind is Kind.FILE and name.endswith(b"/") and letter in b"0\0":
            kind = Kind.FOLDER  # as before POSIX
        member = Member(
            name=name,
            kind=kind,
            mode=_number(block[100:108]) & 0o7777,
            uid=_told(told, b"uid", _number(block[108:116])),
            gid=_told(told, b"gid", _number(block[116:124])),
            mtime_ns=_time(told.get(b"mtime"), _number(block[136:148])),
            size=_told(told, b"size", _number(block[124:136])),
            target=told.get(b"linkpath") or block[157:257].split(b"\0", 1)[0],
            device=(_number(block[329:337]), _number(block[337:345])),
            attributes={
                key.removeprefix(_XATTR).replace(b"%3D", b"=").replace(b"%25", b"%"): value
                for key, value in told.items()
                if key.startswith(_XATTR)
            },
        )
        if member.size < 0:
            raise BadTar(f"it was altered: {member.name!r} has {member.size} bytes")
        self._left = 0
        if kind in (Kind.FILE, Kind.OTHER) or letter == b"D":
            self._left = member.size + len(padding(member.size))
        if kind is Kind.FILE:
            self._read_map(member, block, told, records)
        return member

    def _read_map(
        self, member: Member, block: bytes, told: dict[bytes, bytes], records: list[tuple[bytes, bytes]]
    ) -> None:
        """Where the bytes of a sparse file belong, in any of the four ways in which GNU tar has told it."""
        stored, real = member.size, told.get(b"GNU.sparse.realsize") or told.get(b"GNU.sparse.size")
        numbers: list[int]
        if block[156:157] == b"S":
            numbers, real = self._old_map(block), b"%d" % _number(block[483:495])
        elif told.get(b"GNU.sparse.major") == b"1":
            before = self._left
            numbers = self._map_in_content()
            stored -= before - self._left
        elif b"GNU.sparse.map" in told:
            numbers = [_integer(text) for text in told[b"GNU.sparse.map"].split(b",")]
        elif b"GNU.sparse.numblocks" in told:
            numbers = [
                _integer(value) for key, value in records if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
            ]
        else:
            return
        member.size = _integer(real or b"")
        member.parts = list(zip(numbers[::2], numbers[1::2], strict=False))
        end = 0
        for offset, length in member.parts:
            if offset < end or length < 0:
                raise BadTar(f"it was altered: the map of the sparse file {member.name!r} makes no sense")
            end = offset + length
        if end > member.size or member.stored != stored:
            raise BadTar(f"it was altered: the map of the sparse file {member.name!r} makes no sense")

    def _old_map(self, block: bytes) -> list[int]:
        numbers = [_number(block[at : at + 12]) for at in range(386, 482, 12) if block[at]]
        more = block[482]
        while more:
            block = self._exactly(BLOCK)
            numbers += [_number(block[at : at + 12]) for at in range(0, 504, 12) if block[at]]
            more = block[504]
        return numbers

    def _map_in_content(self) -> list[int]:
        text = b""
        wanted = None
        while wanted is None or text.count(b"\n") < wanted:
            if self._left <= 0 or len(text) > _MOST_OF_A_HEADER:
                raise BadTar("it was altered: the map of a sparse file does not end")
            text += b"".join(self._take(BLOCK))
            if wanted is None and b"\n" in text:
                wanted = 2 * _integer(text.split(b"\n", 1)[0]) + 1
        return [_integer(line) for line in text.split(b"\n")[1:wanted]]


def _records(body: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(body) and body[at]:
        blank = body.find(b" ", at, at + 20)
        size = _integer(body[at:blank]) if blank > 0 else 0
        key, equals, value = body[blank + 1 : at + size - 1].partition(b"=")
        if size <= 0 or at + size > len(body) or not equals:
            raise BadTar("it was altered: an extended header makes no sense")
        found.append((key, value))
        at += size
    return found


def _number(text: bytes) -> int:
    if text[0] & 0x80:  # base 256, two's complement
        number = int.from_bytes(text, "big") & ((1 << (8 * len(text) - 1)) - 1)
        return number - (1 << (8 * len(text) - 1)) if text[0] & 0x40 else number
    text = text.strip(b" \0")
    try:
        return int(text or b"0", 8)
    except ValueError:
        raise BadTar(f"it was altered: {text!r} is no number of a tar") from None


def _integer(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise BadTar(f"it was altered: {text[:30]!r} is no number of a tar")
    return int(text)


def _told(told: dict[bytes, bytes], key: bytes, otherwise: int) -> int:
    return _integer(told[key]) if told.get(key) else otherwise


def _time(text: bytes | None, seconds: int) -> int:
    if text is None:
        return seconds * 10**9
    whole, _, fraction = text.lstrip(b"-").partition(b".")
    number = _integer(whole or b"0") * 10**9 + _integer((fraction + b"0" * 9)[:9])
    return -number if text.startswith(b"-") else number
