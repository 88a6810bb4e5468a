"""Everything that can go wrong, and who must act.

    MotifError
    ├── Refused            the producer: this record is no event; it goes to `dead.letters`
    ├── WrongUse           the caller: a value outside what is allowed
    ├── LogError
    │   ├── LogHeld        the operator: another process owns this log
    │   ├── LogIncompatible   the operator: written by another version, or of another shape
    │   ├── LogDamaged     the operator: bytes on disk are not the bytes that were written
    │   ├── LogUnavailable the operator: the log cannot be written now (disk full, read-only)
    │   └── Fenced         nobody: a newer owner took over; this one must stop
    ├── SourceUnreadable   the operator: a file to import is damaged, locked, or of another kind
    └── ProjectionDamaged  nobody: the projection is thrown away and rebuilt from the log

A message names the thing, the value and what would have been right.
"""

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, str]] = {
    "already_finished": "another event is the result of this call already",
    "amended_too_late": "a revision came so long after the first statement that it is not joined",
    "bad_revision": "the revision does not fit the id, the subject or the type",
    "bad_time": "a time is not RFC 3339, has no offset, or is outside the years 1 to 9999",
    "invalid_payload": "the data is JSON but no such payload; the detail names the field",
    "misplaced": "the record stands in a partition or on a topic that its key does not name",
    "not_cloudevent": "an attribute is missing or wrong; the detail names it",
    "not_json": "the bytes are no JSON: cut off, not UTF-8, nested too deeply, NaN",
    "reserved_type": "only a log states this type, about itself; nobody brings it from elsewhere",
    "too_large": "the data, an attribute or the document is larger than an event may be",
    "unknown_type": "nobody knows this type",
    "unknown_version": "the type is known, but not this version, and no upcast leads from it",
}
"""Every reason a record is refused for, by its stable code."""


class MotifError(Exception):
    """Whatever Motif raises on purpose."""


class Refused(MotifError):
    """A record that is not a valid event, with a stable reason code and a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class WrongUse(MotifError):
    """The caller passed something that cannot be meant."""


class LogError(MotifError):
    """The log cannot do what was asked."""


class LogHeld(LogError):
    """Another process owns this log for writing."""


class LogIncompatible(LogError):
    """The log was written by another version, or has another number of partitions."""


class LogDamaged(LogError):
    """A stored record is not what was appended."""


class LogUnavailable(LogError):
    """The log cannot be written at the moment: disk full, read-only, gone."""


class Fenced(LogError):
    """A newer owner of the same name has taken over; what was being written is not visible."""


class SourceUnreadable(MotifError):
    """A file to import cannot be read as what it should be."""


class ProjectionDamaged(MotifError):
    """The projection's file cannot be trusted; it must be rebuilt from the log."""
