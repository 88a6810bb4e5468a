"""An event, and what its attributes may be, however it is written: CloudEvents 1.0.2."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from schemas.errors import Refused
from schemas.fact import Payload
from schemas.times import FIRST_US, LAST_US

ATTRIBUTES: Final = frozenset(
    [
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "subject",
        "datacontenttype",
        "dataschema",
        "data",
        "data_base64",
        "revision",
        "recordedtime",
        "partitionkey",
    ]
)
"""The names that mean something to us or to CloudEvents; any other is an extension."""

NO_EXTENSIONS: Final[Mapping[str, str | int | bool]] = MappingProxyType({})

SIZE_MAX: Final = 1 << 20
"""Bytes of an event's data, of each attribute and of a structured document; more is refused."""

_EXTENSION_NAME = re.compile(r"[a-z0-9]{1,20}", re.ASCII)
_REVISION_END = 2**63 - 1
_WHOLE_NUMBER = re.compile(r"[0-9]{1,19}")


class Event(msgspec.Struct, frozen=True):
    """An immutable fact: who says it, under which id, what, and when it happened.

    `time_us` is microseconds since the Unix epoch (UTC), None where the source does not know.
    A statement about an amendable thing carries the thing's name as `subject`, its place among the
    statements as `revision`, and both in its id: `subject@revision`. Without a revision it is the
    only statement, about `id` itself.

    Raises:
        Refused: an empty id or source, a time outside the years 1 to 9999, a revision or an
            extension that does not fit.
    """

    source: str
    id: str
    data: Payload
    time_us: int | None = None
    subject: str | None = None
    revision: int | None = None
    recorded_us: int | None = None
    extensions: Mapping[str, str | int | bool] = NO_EXTENSIONS

    def __post_init__(self) -> None:
        """Hold what the type system cannot."""
        if not self.id or not self.source:
            missing = "id" if self.source else "source"
            raise Refused("not_cloudevent", f"{missing} is empty; it must name the event")
        if self.time_us is not None and not FIRST_US <= self.time_us <= LAST_US:
            raise Refused("bad_time", f"time_us is {self.time_us}; it names no year from 1 to 9999")
        if self.recorded_us is not None and not FIRST_US <= self.recorded_us <= LAST_US:
            raise Refused("bad_time", f"recorded_us is {self.recorded_us}; no year from 1 to 9999")
        revision, subject = self.revision, self.subject
        if revision is not None and (
            subject is None
            or self.id != f"{subject}@{revision}"
            or not 0 <= revision < _REVISION_END
            or not self.data.amendable
        ):
            raise _wrong_revision(self)
        if self.extensions:
            _check_extensions(self.extensions)

    @property
    def type(self) -> str:
        """The versioned name of the kind of fact, such as `motif.tool.called.v1`."""
        return self.data.type

    @property
    def topic(self) -> str:
        """The name of the topic the event belongs on."""
        return self.data.topic.name

    @property
    def key(self) -> bytes:
        """The key of its record, a function of the payload."""
        return self.data.partition_key().encode()

    @property
    def thing(self) -> str:
        """What an amendable event is a statement about."""
        return self.id if self.revision is None else self.subject or self.id


def _wrong_revision(event: Event) -> Refused:
    """What is wrong with a revision."""
    if not event.data.amendable:
        return Refused("bad_revision", f"{event.type} is not amendable; leave out revision")
    if event.revision is None or not 0 <= event.revision < _REVISION_END:
        return Refused("bad_revision", f"revision is {event.revision}; it counts from 0")
    expected = f"{event.subject}@{event.revision}"
    return Refused("bad_revision", f"id is {event.id!r}; with its revision it is {expected!r}")


def _check_extensions(extensions: Mapping[str, str | int | bool]) -> None:
    for name, value in extensions.items():
        if not may_extend(name) or not isinstance(value, str | int | bool):
            raise Refused(
                "not_cloudevent", f"extension {name[:30]!r} has no name or value CloudEvents allow"
            )


def check_producer(event: Event) -> None:
    """Refuse what only a log states about itself, as every event from elsewhere must be checked.

    Raises:
        Refused: it is of a reserved type.
    """
    if event.data.reserved:
        raise Refused("reserved_type", f"{event.type} is stated by a log about itself only")


def may_extend(name: str) -> bool:
    """Whether an extension may be called so.

    >>> may_extend("amendedtime"), may_extend("subject"), may_extend("Upper")
    (True, False, False)
    """
    return name not in ATTRIBUTES and bool(_EXTENSION_NAME.fullmatch(name))


def text_of(name: str, value: object) -> str:
    """The value of an attribute that is text.

    Raises:
        Refused: it is none, or empty.
    """
    if isinstance(value, str) and value:
        return value
    raise Refused("not_cloudevent", f"{name} is {value!r:.64}; it must be a non-empty string")


def revision_of(stated: object) -> int:
    """The revision that a number or its digits state.

    Raises:
        Refused: they state none.
    """
    if isinstance(stated, str) and _WHOLE_NUMBER.fullmatch(stated):
        return int(stated)
    if isinstance(stated, int) and not isinstance(stated, bool):
        return stated
    raise Refused(
        "bad_revision", f"revision is {stated!r:.64}; it must be a whole number from 0 on"
    )
