"""One record of MoAI-Flow as an event: which one it is, what it says, and when that was.

A record is named by its type, its time and its id: the format's own collector starts to count again
with every process, so that ids alone are not unique. Its time is the same name wherever it is
stated: in UTC where it has an offset or is a number of seconds, and as it is where it has none.
Saved again, it is another statement about the same thing. What the schema does not know is kept in
the event beside what it knows, apart under `data` and `context`, and so are `pattern_id` and
`version`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Final

from msgspec.structs import replace
from pydantic import ValidationError

from connectors.contract import LABEL, Report, Unnumbered
from schemas.envelope import SIZE_MAX, Event, from_structured, time_text, to_structured
from schemas.errors import Refused
from schemas.events import AgentUsed, ErrorOccurred, Payload, TaskCompleted, UserCorrected
from schemas.stamps import read_stamp
from schemas.validation import (
    CONTEXT_FIELDS,
    PatternType,
    known_fields,
    required_fields,
    validate_pattern,
)

SOURCE: Final = "moai-flow"
"""Source of every event of this format."""

ID_LENGTH_MAX: Final = 512
"""Characters of the id of a record."""

_ROOM: Final = 8_192
"""Bytes that an event may still grow by when it is given a revision."""

_PAYLOADS: Final[Mapping[str, type[Payload]]] = {
    PatternType.TASK_COMPLETION: TaskCompleted,
    PatternType.ERROR_OCCURRENCE: ErrorOccurred,
    PatternType.AGENT_USAGE: AgentUsed,
    PatternType.USER_CORRECTION: UserCorrected,
}
_IN_MICROSECONDS: Final = {
    "duration_ms": "duration_us",
    "resolution_time_ms": "resolution_time_us",
}
_ANY_TIME: Final = "1970-01-01"


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes events of records: the time zone of times without an offset, and an import's label."""

    zone: tzinfo = UTC
    label: str | None = None

    def stated(
        self,
        record: Mapping[str, Any],
        report: Report,
        *,
        seconds: int | None = None,
        saved_us: int | None = None,
    ) -> Unnumbered:
        """A record as a statement, counted in the report.

        Args:
            record: as it was saved, its type under `pattern_type` or `type`.
            report: what the import has met.
            seconds: its time since the Unix epoch, for records that have no text of it.
            saved_us: when it was last saved, where that is known beside the record.

        Raises:
            Refused: it is no such record, with what is wrong with it.
        """
        cleaned = _cleaned(record)
        kind, text = cleaned["pattern_type"], cleaned.get("timestamp")
        # A record may lack its time, and then has none; nothing else may be missing.
        checked = {**cleaned, "timestamp": _ANY_TIME} if text is None or text == "" else cleaned
        validity = validate_pattern(checked)
        if not validity:
            raise Refused("invalid_payload", "; ".join(map(str, validity.reasons))[:300])
        stamp = read_stamp(text, self.zone)
        at_us = None if stamp is None else stamp.at_us
        if seconds is not None:
            at_us = seconds * 1_000_000
            named = time_name(at_us)
        else:
            as_it_is = read_stamp(text)  # in whatever zone it is read
            named = "" if as_it_is is None else time_name(as_it_is.at_us)
        thing = thing_of(kind, named, cleaned["pattern_id"])
        event = Event(
            SOURCE,
            thing,
            _payload(cleaned, self.zone, thing),
            at_us,
            extensions={LABEL: self.label} if self.label else {},
        )
        if stamp is not None:
            report.assumed_times += stamp.assumed
            if stamp.assumed or text != f"{named}Z":
                event = replace(event, extensions={**event.extensions, "timetext": str(text)})
        return self._numbered(event, record.get("updated_at"), saved_us, report)

    def _numbered(
        self, event: Event, updated: object, saved_us: int | None, report: Report
    ) -> Unnumbered:
        """The statement, with its revision where the source says when it was saved."""
        stamp = read_stamp(updated, self.zone)
        extensions = dict(event.extensions)
        if stamp is not None and stamp.at_us >= 0:
            saved_us = stamp.at_us
            extensions["amendedtime"] = time_text(saved_us)
        if saved_us is None:
            return Unnumbered(report.counted(_sound(event)))
        name = f"{event.id}@{saved_us}"
        numbered = replace(
            event, id=name, subject=event.id, revision=saved_us, extensions=extensions
        )
        return Unnumbered(report.counted(_sound(numbered)))


def thing_of(kind: str, time: str, identity: str) -> str:
    """What names a record: only the id may hold a slash.

    >>> thing_of("agent_usage", "2025-11-29T10:00:00", "pat-1")
    'agent_usage/2025-11-29T10:00:00/pat-1'

    Raises:
        Refused: the id is endless.
    """
    if len(identity) > ID_LENGTH_MAX:
        raise Refused("invalid_payload", f"pattern_id has more than {ID_LENGTH_MAX} characters")
    return f"{kind}/{time}/{identity}"


def time_name(at_us: int) -> str:
    """A time in the name of a record: ISO 8601 without an offset, a fraction only if it has one.

    >>> time_name(1_000_000), time_name(1_500_000)
    ('1970-01-01T00:00:01', '1970-01-01T00:00:01.500000')
    """
    return time_text(at_us).removesuffix("Z").removesuffix(".000000")


def is_record(found: object) -> bool:
    """Whether something claims to be a record: other JSON lies beside them."""
    return isinstance(found, dict) and "pattern_id" in found and "data" in found


def _payload(record: dict[str, Any], zone: tzinfo, thing: str) -> Payload:
    kind, data = record["pattern_type"], record["data"]
    context = record.get("context", {})
    fields = {name: value for name, value in data.items() if name in known_fields(kind)}
    for milliseconds, microseconds in _IN_MICROSECONDS.items():
        if fields.get(milliseconds) is not None:
            fields[microseconds] = fields[milliseconds] * 1_000
        fields.pop(milliseconds, None)
    fields |= {name: context[name] for name in CONTEXT_FIELDS & context.keys()}
    moment = read_stamp(fields.pop("timestamp", None), zone)
    # All that is ever said of a record stands in one partition, whatever of it is changed.
    fields["record_id"] = thing
    fields["context_time_us"] = None if moment is None else moment.at_us
    further = {
        "pattern_id": record["pattern_id"],
        "version": record.get("version"),
        "data": {name: data[name] for name in data.keys() - known_fields(kind)},
        "context": {name: context[name] for name in context.keys() - CONTEXT_FIELDS},
    }
    fields |= {name: value for name, value in further.items() if value}
    try:
        return _PAYLOADS[kind].model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused("invalid_payload", f"{where}: {first['msg']}"[:300]) from error


def _cleaned(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with its type where it belongs, and without what is there and says nothing.

    That is an optional text that is empty, and a context that is null.
    """
    cleaned = {name: value for name, value in record.items() if name != "version" or value != ""}
    kind = cleaned["pattern_type"] = record.get("pattern_type", record.get("type"))
    required = required_fields(kind) if isinstance(kind, str) and kind in _PAYLOADS else frozenset()
    data, context = record.get("data"), record.get("context")
    if isinstance(data, dict):
        cleaned["data"] = {
            name: value for name, value in data.items() if value != "" or name in required
        }
    if isinstance(context, dict):
        cleaned["context"] = {name: value for name, value in context.items() if value != ""}
    elif context is None:
        cleaned.pop("context", None)
    return cleaned


def _sound(event: Event) -> Event:
    """The event, if it can be written and read again.

    Raises:
        Refused: it is too large, or nested too deeply.
    """
    try:
        document = to_structured(event)
    except (RecursionError, ValueError, TypeError) as error:
        raise Refused("invalid_payload", f"it cannot be written as JSON: {error}"[:300]) from error
    if len(document) > SIZE_MAX - _ROOM:
        raise Refused("too_large", f"the record makes an event of {len(document)} bytes")
    if from_structured(document) != event:
        raise Refused("invalid_payload", "it is not the same when it is read again")
    return event


def saved_time(event: Event) -> str | None:
    """The time of a record as it was written, where that was kept; else in UTC."""
    if event.time_us is None:
        return None
    written = event.extensions.get("timetext")
    return str(written) if read_stamp(written) is not None else f"{time_name(event.time_us)}Z"


def is_rounded(event: Event) -> bool:
    """Whether what it took is no whole number of milliseconds, which a record counts."""
    took = (getattr(event.data, name, None) for name in _IN_MICROSECONDS.values())
    return any(one is not None and one % 1_000 for one in took)


def record_of(event: Event) -> dict[str, Any]:
    """The record that an event was made from; what was null or empty in it is left out.

    Its time is as it was written where it had no offset, else the same moment in UTC.
    """
    kind = next(kind for kind, payload in _PAYLOADS.items() if payload.type == event.type)
    said = {name: value for name, value in event.data.model_dump().items() if value is not None}
    for milliseconds, microseconds in _IN_MICROSECONDS.items():
        if microseconds in said:
            said[milliseconds] = said[microseconds] // 1_000
    context = {name: said[name] for name in CONTEXT_FIELDS & said.keys()}
    if "context_time_us" in said:
        context["timestamp"] = time_text(said["context_time_us"])
    context |= said.get("context", {})
    record: dict[str, Any] = {
        "pattern_id": said.get("pattern_id", event.thing),
        "pattern_type": str(kind),
        "data": {name: said[name] for name in known_fields(kind) & said.keys()}
        | said.get("data", {}),
    }
    if event.time_us is not None:
        written = event.extensions.get("timetext")
        stamp = read_stamp(written)
        has_none = stamp is not None and stamp.assumed
        record["timestamp"] = written if has_none else time_text(event.time_us)
    if context:
        record["context"] = context
    if "version" in said:
        record["version"] = said["version"]
    return record
