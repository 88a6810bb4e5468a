"""What goes over the socket between who asks and the process that holds the projection.

A frame is a length of four bytes, the highest first, and so many bytes. A request is one frame of
MessagePack. The answer is frames whose first byte says what follows: `d` data, at the end `z`, or
`e` and an `Excuse`. The data of a question is an Arrow IPC stream, of `About` MessagePack.
"""

import socket
from collections.abc import Iterator
from typing import Any, Final

import msgspec

PROTOCOL: Final = 1

REQUEST_MAX: Final = 4 << 20
FRAME_MAX: Final = 64 << 20
"""Bytes of one frame; a longer one is not ours."""

ANSWER_MAX: Final = 1 << 30
"""Bytes of one answer."""

DATA, END, ERROR = b"d", b"z", b"e"

_PIECE: Final = 16 << 20


class Question(msgspec.Struct, tag="question"):
    """One reading statement with what is bound to it."""

    query: str
    parameters: list[Any] | dict[str, Any] = []
    row_limit: int | None = None
    timeout_s: float = 30.0
    protocol: int = PROTOCOL


class Who(msgspec.Struct, tag="who"):
    """Who answers here, and how far it is."""

    protocol: int = PROTOCOL


Request = Question | Who


class Excuse(msgspec.Struct):
    """Why there is no answer: a stable code, and a sentence."""

    code: str
    sentence: str


class End(msgspec.Struct, array_like=True, frozen=True):
    """How far an input partition goes, and how much of it is left to learn."""

    topic: str
    partition: int
    end: int
    lag: int


class About(msgspec.Struct):
    """Who projects which log, and how far that is.

    `caught_up_at_us` is when nothing was left to project, `trouble` why the log cannot be read.
    """

    pid: int
    log: str
    site_id: str
    log_id: str
    label: str
    allowed_servers: list[str]
    settings_changes: int
    caught_up_at_us: int | None
    looked_at_us: int
    trouble: str | None
    ends: list[End]


encode: Final = msgspec.msgpack.Encoder(enc_hook=str).encode
decode_request: Final = msgspec.msgpack.Decoder(Request).decode
decode_excuse: Final = msgspec.msgpack.Decoder(Excuse).decode
decode_about: Final = msgspec.msgpack.Decoder(About).decode


class Broken(Exception):
    """The other side went away, or does not speak this protocol."""


def send(connection: socket.socket, *parts: bytes | memoryview) -> None:
    """Send one frame."""
    size = sum(len(part) for part in parts)
    connection.sendall(size.to_bytes(4, "big") + b"".join(parts))


def receive(connection: socket.socket, most: int = FRAME_MAX) -> bytearray | None:
    """The next frame; None where the other side has ended.

    Raises:
        Broken: it is longer than allowed, or was cut off.
    """
    head = _exactly(connection, 4)
    if not head:
        return None
    size = int.from_bytes(head, "big")
    if size > most:
        raise Broken(f"a frame of {size} bytes was announced, over {most} allowed")
    frame = _exactly(connection, size)
    if len(frame) != size:
        raise Broken("the other side went away")
    return frame


def pieces(content: memoryview) -> Iterator[memoryview]:
    """Bytes cut so that each piece fits into a frame."""
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]


def _exactly(connection: socket.socket, size: int) -> bytearray:
    """So many bytes, or none where the other side ended before the first.

    Raises:
        Broken: it ended in the middle.
    """
    buffer = bytearray(size)
    view, filled = memoryview(buffer), 0
    while filled < size:
        read = connection.recv_into(view[filled:])
        if not read:
            if filled:
                raise Broken("the other side went away in the middle of a frame")
            return bytearray()
        filled += read
    return buffer
