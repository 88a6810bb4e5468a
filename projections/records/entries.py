"""What a record is found by: words of its texts, and exact values of its fields.

Everything here is a function of the type, the source, the time and the data of a statement, so
that an entry of the index can be taken out again by computing it a second time.
"""

from base64 import b32encode
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import astuple

from projections.records.times import span_of_day
from projections.tables.events import BY_TYPE
from projections.tables.table import Row
from schemas.clock import DAY_US, from_us
from schemas.events import AgentUsed, ErrorOccurred, Payload, TaskCompleted, UserCorrected
from schemas.tuples import maker
from schemas.workflows import WorkflowRunDeleted, WorkflowRunFinished

_NOT_THERE: Final = -1
_APART: Final = " \ue000 "
"""Between two texts: a word that nobody writes, so that no phrase reaches across."""


class _Shape(NamedTuple):
    """Which fields of a payload say what; `texts` are searched."""

    name: str
    titles: tuple[str, ...]  # the first that is known is the title
    texts: tuple[str, ...]
    agent: str | None = "agent"
    project: str = "project_name"
    branch: str = "git_branch"
    outcome: str | None = None

    @property
    def named(self) -> tuple[str | None, ...]:
        """The fields of the payload that hold the values of `FIELDS`; None where it has none."""
        return (
            self.agent,
            "session_id",
            "user_id",
            self.project,
            "environment",
            self.branch,
            self.outcome,
        )


_SHAPES: Final[dict[type[Payload], _Shape]] = {
    TaskCompleted: _Shape(
        "task_completion", ("task_type",), ("task_type", "error_message"), outcome="success"
    ),
    ErrorOccurred: _Shape(
        "error_occurrence",
        ("error_type",),
        ("error_type", "error_message", "resolution"),
        agent=None,
    ),
    AgentUsed: _Shape(
        "agent_usage", ("task_type",), ("task_type",), agent="agent_type", outcome="success"
    ),
    UserCorrected: _Shape(
        "user_correction",
        ("correction_type",),
        ("task_type", "correction_type", "original_output", "corrected_output", "user_feedback"),
    ),
    WorkflowRunFinished: _Shape(
        "workflow_run",
        ("template", "workflow_id"),
        ("template", "input_text", "error_message"),
        agent=None,
        project="project",
        branch="branch",
        outcome="outcome",
    ),
}

TYPES: Final = tuple(shape.name for shape in _SHAPES.values())
"""What a record may be."""

RUN: Final = _SHAPES[WorkflowRunFinished].name
DELETED: Final = WorkflowRunDeleted.type
RECORDED: Final = {payload.type: shape.name for payload, shape in _SHAPES.items()} | {DELETED: RUN}
"""What the statements of an event type are about."""


class Entry(NamedTuple):
    """A record as people look for it; None is not known."""

    title: str | None
    agent: str | None
    session_id: str | None
    user_id: str | None
    project: str | None
    environment: str | None
    branch: str | None
    outcome: str | None
    tags: tuple[str, ...]
    body: str


_entry: Final = maker(Entry)


class Indexed(NamedTuple):
    """What the index takes in of a record: its words, and its exact values, each as one word."""

    body: str
    terms: str


_indexed: Final = maker(Indexed)


def entry_of(type_name: str, data: bytes) -> Entry:
    """The entry of a statement's data."""
    reader = _READERS[type_name]
    said = reader.values(data)
    named, tags, body = reader.pick(said)
    title = next(filter(None, [said[place] for place in reader.titles]), None)
    return _entry((title, *named, tags, body))


def indexed_of(type_name: str, source: str, happened_us: int | None, data: bytes) -> Indexed:
    """What the index has of a statement's data."""
    reader = _READERS[type_name]
    return _taken_in(type_name, source, happened_us, reader.pick(reader.values(data)))


_Named = tuple[str | None, ...]
"""The values of `FIELDS`."""

_Picked = tuple[_Named, tuple[str, ...], str]
"""Of a statement what it is found by: those, its tags and its words."""


def _taken_in(type_name: str, source: str, happened_us: int | None, picked: _Picked) -> Indexed:
    (agent, session_id, user_id, project, environment, branch, outcome), tags, body = picked
    # Of many records these are the same, and the others of few.
    terms = _terms_of_kind(type_name, source, agent, project, environment, branch, outcome)
    if session_id is not None:
        terms = f"{terms} {term('session_id', session_id)}"
    if user_id is not None:
        terms = f"{terms} {term('user_id', user_id)}"
    if tags:
        terms = " ".join((terms, *[term("tag", tag) for tag in tags]))
    if happened_us is not None:
        terms = f"{terms} {_terms_of_day(happened_us // DAY_US)}"
    return _indexed((body, terms))


FIELDS: Final = Entry._fields[1:8]
"""The fields with one value each."""


@lru_cache(maxsize=1 << 14)
def term(name: str, value: str) -> str:
    """The word that stands for a value of a field."""
    digest = blake2b(f"{name}\0{value}".encode("utf-8", "surrogatepass"), digest_size=10).digest()
    return "x" + b32encode(digest).decode().lower()


def span_term(span: tuple[int, ...]) -> str:
    """The word that stands for a year, a month, a third of one or a day, UTC."""
    return term("time", "-".join(map(str, span)))


@lru_cache(maxsize=1 << 12)
def _terms_of_kind(
    type_name: str,
    source: str,
    agent: str | None,
    project: str | None,
    environment: str | None,
    branch: str | None,
    outcome: str | None,
) -> str:
    """The words for what a record is, who states it, and where it was."""
    named = (type_name, source, agent, project, environment, branch, outcome)
    values = zip(_KIND, named, strict=True)
    return " ".join(term(name, value) for name, value in values if value is not None)


_KIND: Final = ("type", "source", "agent", "project", "environment", "branch", "outcome")


@lru_cache(maxsize=1 << 12)
def _terms_of_day(number: int) -> str:
    """The words for a day and for every longer span in which it lies."""
    day = span_of_day(from_us(number * DAY_US).date())
    return " ".join(span_term(day[:length]) for length in range(1, len(day) + 1))


def _picker(shape: _Shape, names: Sequence[str]) -> Callable[[tuple[Any, ...]], _Picked]:
    """What picks from the values of these fields, behind which None must stand."""
    places = {name: place for place, name in enumerate(names)}
    # What a shape does not have is read behind the last field.
    of_names = itemgetter(*(places.get(name or "", _NOT_THERE) for name in shape.named))
    of_tags = places["tags"]
    of_texts = itemgetter(*(places[name] for name in shape.texts), _NOT_THERE)

    def pick(said: tuple[Any, ...]) -> _Picked:
        found, tags = of_names(said), said[of_tags]
        outcome = found[-1]
        if outcome is True or outcome is False:
            found = (*found[:-1], "success" if outcome else "failure")
        body = [text for text in of_texts(said) if text is not None]
        if tags:
            tags = tuple(dict.fromkeys(tags))
            return found, tags, _APART.join((*body, *tags))
        return found, (), _APART.join(body)

    return pick


class _Reader(NamedTuple):
    """How data of a type is read: its values, what is picked of them, and which may be a title."""

    values: Callable[[bytes], tuple[Any, ...]]
    pick: Callable[[tuple[Any, ...]], _Picked]
    titles: Sequence[int]


def _reader(payload: type[Payload], shape: _Shape) -> _Reader:
    words = filter(None, (*shape.titles, *shape.named, *shape.texts))
    fields: dict[str, Any] = dict.fromkeys(words, str | None)
    fields["tags"] = list[str] | None
    if shape.outcome is not None:
        fields[shape.outcome] = bool | str | None
    said = [(name, of, None) for name, of in fields.items()]
    decode = msgspec.json.Decoder(msgspec.defstruct(payload.__name__, said, gc=False)).decode
    names = list(fields)
    return _Reader(
        values=lambda data: (*astuple(decode(data)), None),
        pick=_picker(shape, names),
        titles=[names.index(name) for name in shape.titles],
    )


def _reader_of_rows(payload: type[Payload], shape: _Shape) -> Callable[[Row], Indexed]:
    columns = list(BY_TYPE[payload.type.encode()].table.columns)
    pick, name = _picker(shape, columns), shape.name
    at_source, at_happened = columns.index("source"), columns.index("happened_at")
    return lambda row: _taken_in(name, row[at_source], row[at_happened], pick((*row, None)))


_READERS: Final = {shape.name: _reader(payload, shape) for payload, shape in _SHAPES.items()}
READERS_OF_ROWS: Final = {
    payload.type: _reader_of_rows(payload, shape) for payload, shape in _SHAPES.items()
}
"""What the index takes in of a statement's row in a raw table, by the event type."""
