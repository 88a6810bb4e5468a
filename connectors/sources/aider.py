"""Aider's analytics log: one JSON object a line, `event`, `properties`, `user_id`, `time`.

Every line is an interaction; a `message_send` is also a model call. A line has no id of its own,
and equal lines within one file are real repeats within one second. So the identity is the content
of the line and which of the equal ones in its file it is: the same line in an overlapping snapshot
is then the same event, and a real repeat is another. The format claims no order between lines, so
none is stated. What outgrows an event is counted as broken.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from connectors.contract import Report
from connectors.sources.lines import (
    NOT_JSON,
    documents,
    files_under,
    moment_of_seconds,
    name_of,
    whole_number,
    wrong_with,
)
from schemas.envelope import SIZE_MAX, Event, from_structured, to_structured
from schemas.errors import Refused
from schemas.events import InteractionObserved, ModelCalled

SOURCE: Final = "aider"
"""Source and agent of every event of this format."""

ERROR_MAX: Final = 1024
"""Characters kept of an exception's text, which may hold a whole conversation."""

_LINE_MAX = SIZE_MAX - 8192  # what an event adds to the line it holds must fit too


class Aider:
    """Reads Aider's analytics log."""

    name = "aider"
    source = SOURCE
    describes = "Aider's analytics log (JSONL): interactions, and model calls with their cost"

    def default_paths(self) -> list[Path]:
        """None: Aider writes the log where its user says."""
        return []

    def files(self, path: Path) -> list[Path]:
        """The `.jsonl` files of a folder, or the file itself."""
        return files_under(path)

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Event]:
        """Every line of every file; overlapping files give the same events again."""
        for path in files:
            seen: Counter[bytes] = Counter()
            for number, text in documents(path, report):
                content = text.strip()
                if len(content) > _LINE_MAX:
                    report.broke(path, f"has more than {_LINE_MAX:,} bytes", number)
                    continue
                try:
                    line = _LINE.decode(content)
                    digest = blake2b(content, digest_size=16).digest()
                    seen[digest] += 1
                    for event in _events(f"{digest.hex()}/{seen[digest]}", line):
                        yield report.counted(event)
                except (*NOT_JSON, ValidationError, Refused) as error:
                    report.broke(path, wrong_with(error), number)


class _Line(msgspec.Struct):
    event: str
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    user_id: Any = None
    time: Any = None


class _Cost(msgspec.Struct):
    cost: Decimal | None = None


_LINE = msgspec.json.Decoder(_Line)
_PROPERTIES = msgspec.json.Decoder(dict[str, Any])
_COST = msgspec.json.Decoder(_Cost)


def _events(identity: str, line: _Line) -> Iterator[Event]:
    time_us = moment_of_seconds(line.time)
    properties = _PROPERTIES.decode(line.properties)
    user = name_of(line.user_id)
    exception = properties.get("exception")
    observed = InteractionObserved(
        user_id=user,
        task=name_of(line.event),
        error=exception[:ERROR_MAX] or None if isinstance(exception, str) else None,
        metadata=properties or None,
    )
    model = name_of(properties.get("main_model"))
    called = None
    if line.event == "message_send" and model is not None:
        called = _model_call(identity, user or SOURCE, model, line.properties)
    interaction = Event(source=SOURCE, id=identity, data=observed, time_us=time_us)
    if any(isinstance(value, dict | list) for value in properties.values()):
        from_structured(to_structured(interaction))  # refuses what is nested too deep to be read
    yield interaction
    if called is not None:
        yield Event(source=SOURCE, id=f"{identity}/model", data=called, time_us=time_us)


def _model_call(identity: str, user: str, model: str, properties: bytes) -> ModelCalled:
    """The model call of a `message_send`, its cost exact to the last stated digit."""
    stated = _PROPERTIES.decode(properties)
    return ModelCalled(
        session_id=user,
        agent=SOURCE,
        message_id=f"{identity}/model",
        model=model,
        input_tokens=whole_number(stated.get("prompt_tokens")),
        output_tokens=whole_number(stated.get("completion_tokens")),
        total_tokens=whole_number(stated.get("total_tokens")),
        cost_usd=_cost(properties),
    )


def _cost(properties: bytes) -> Decimal | None:
    try:
        cost = _COST.decode(properties).cost
    except NOT_JSON:
        return None
    return cost if cost is not None and cost.is_finite() and cost >= 0 else None
