"""What every simulated device has: a manner of answering, and a count of what happened to it."""

from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from connectors.plant.profiles import Profile

Quirk = Literal[
    "silent", "closes", "resets", "dribbles", "garbage", "lies", "truncates", "endless", "late"
]
"""How a device misbehaves on the wire.

    silent      it takes requests and never answers
    closes      it closes the connection in order instead of answering
    resets      it resets the connection
    dribbles    it answers byte by byte
    garbage     it answers with noise, as a server of something else
    lies        it states a length that is not so
    truncates   it closes in the middle of an answer
    endless     its streams of objects have no end
    late        its first answer comes after the second request
"""

CONNECTIONS_MAX: Final = 4
"""Connections a device takes at once; some cards of real devices have no more."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a device answers: after which time, with which quirk, to how many at once.

    With a `profile` the time is drawn from it, with the device's name as the seed.
    """

    delay_s: float = 0.0
    profile: Profile | None = None
    quirk: Quirk | None = None
    connections_max: int = CONNECTIONS_MAX


@dataclass(slots=True)
class Counts:
    """What happened to a device.

    `open` are the connections there are now, and `unclean` those that ended in a reset or in the
    middle of a request. `sessions` are those requests that only open and close a session, and
    `session_s` is how long these waited for their answers. `opened_s` and `asked_s` have when each
    connection and each request came, `replied_s` when the last answer went. `forbidden` are those
    requests that are not on the list of what only reads.
    """

    connections: int = 0
    open: int = 0
    most_open: int = 0
    turned_away: int = 0
    unclean: int = 0
    requests: int = 0
    sessions: int = 0
    datagrams: int = 0
    session_s: float = 0.0
    opened_s: list[float] = field(default_factory=list)
    asked_s: list[float] = field(default_factory=list)
    replied_s: float | None = None
    forbidden: list[bytes] = field(default_factory=list)


class Refusal(Exception):
    """A request that is not on the list, with the answer a device gives to it."""

    def __init__(self, answer: bytes | None) -> None:
        super().__init__("a request that is not on the list")
        self.answer = answer


class Device(Protocol):
    """A simulated device: where its requests end, and what it answers."""

    @property
    def manner(self) -> Manner:
        """How it answers."""

    @property
    def head(self) -> int:
        """Bytes after which the length of a request is known."""

    def size(self, head: bytes) -> int:
        """How long the request is that begins so."""

    def answer(self, request: bytes) -> bytes | None:
        """The answer to a request, None where it gives none.

        Raises:
            Refusal: the request is not on the list of what only reads.
        """
