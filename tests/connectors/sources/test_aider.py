"""Aider's analytics: lines without ids, real repeats, exact money."""

import json
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Report
from connectors.sources.aider import ERROR_MAX, Aider
from schemas.envelope import Event, from_structured, to_structured
from schemas.events import InteractionObserved, ModelCalled

LAUNCHED = b'{"event": "launched", "properties": {"v": 1.5}, "user_id": "u", "time": 1723560031}\n'
SENT = (
    b'{"event": "message_send", "properties": {"main_model": "m", "prompt_tokens": 10,'
    b' "completion_tokens": 2, "total_tokens": 12, "cost": 2.7402420000000003}, "user_id": "u",'
    b' "time": 1723560032}\n'
)


def read(folder: Path, *contents: bytes) -> tuple[list[Event], Report]:
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / f"{number}.jsonl")
        paths[-1].write_bytes(content)
    report = Report()
    return list(Aider().read(paths, report)), report


def identities(events: list[Event]) -> set[str]:
    return {event.id for event in events}


def test_every_line_is_an_interaction(tmp_path: Path) -> None:
    events, _ = read(tmp_path, LAUNCHED)

    (event,) = events
    assert event.data == InteractionObserved(user_id="u", task="launched", metadata={"v": 1.5})
    assert (event.source, event.time_us) == ("aider", 1_723_560_031_000_000)


def test_a_message_sent_is_a_model_call_too_and_its_cost_is_exact(tmp_path: Path) -> None:
    events, _ = read(tmp_path, SENT)

    interaction, call = events
    assert call.id == f"{interaction.id}/model"
    assert (call.revision, call.subject) == (None, None)
    assert call.data == ModelCalled(
        session_id="u",
        agent="aider",
        message_id=call.id,
        model="m",
        input_tokens=10,
        output_tokens=2,
        total_tokens=12,
        cost_usd=Decimal("2.7402420000000003"),
    )


def test_equal_lines_in_one_file_are_real_repeats(tmp_path: Path) -> None:
    events, _ = read(tmp_path, LAUNCHED + SENT + LAUNCHED)

    assert len(identities(events)) == 4


def test_overlapping_files_state_the_same_events_in_whatever_order(tmp_path: Path) -> None:
    once, _ = read(tmp_path, LAUNCHED + LAUNCHED + SENT)
    more, _ = read(tmp_path, LAUNCHED + SENT, SENT + LAUNCHED + LAUNCHED, SENT)

    assert identities(once) == identities(more)


def test_a_growing_file_states_what_it_stated_before(tmp_path: Path) -> None:
    before, _ = read(tmp_path, LAUNCHED + SENT)
    after, _ = read(tmp_path, LAUNCHED + SENT + LAUNCHED)

    assert after[: len(before)] == before


def test_a_last_line_without_newline_is_read_once_it_is_whole(tmp_path: Path) -> None:
    whole, _ = read(tmp_path, LAUNCHED + SENT)
    without_newline, report = read(tmp_path, LAUNCHED + SENT[:-1])
    assert without_newline == whole
    assert report.unfinished == 0

    cut, report = read(tmp_path, LAUNCHED + SENT[:-2])

    assert len(cut) == 1
    assert (report.unfinished, report.broken) == (1, 0)


def test_an_exception_is_kept_short_and_as_an_error(tmp_path: Path) -> None:
    line = {"event": "exit", "properties": {"exception": "x" * 5_000}, "user_id": None, "time": 1}

    events, _ = read(tmp_path, json.dumps(line).encode() + b"\n")

    assert events[0].data.model_dump()["error"] == "x" * ERROR_MAX


@pytest.mark.parametrize("time", [None, "1723560031", True, [], -1e300, 10**30])
def test_a_time_that_is_none_gives_an_event_without_time(tmp_path: Path, time: Any) -> None:
    line = {"event": "exit", "properties": {}, "time": time}

    events, report = read(tmp_path, json.dumps(line).encode() + b"\n")

    assert [event.time_us for event in events] == ([None] if report.broken == 0 else [])


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"[]\n",
        b'"text"\n',
        b"{}\n",
        b'{"event": 7}\n',
        b'{"event": "e", "properties": []}\n',
        b'{"event": "e", "properties": null}\n',
        b'{"event": "\xff"}\n',
        b'{"event": "e", "properties": {"v": NaN}}\n',
        b'{"event": "e", "properties": {"v": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}\n",
        b'{"event": "e", "properties": {"v": ' + b"[" * 220 + b"]" * 220 + b"}}\n",
        b'{"event": "e", "properties": {"v": "' + b"x" * 10_000_000 + b'"}}\n',
    ],
    ids=range(12),
)
def test_a_broken_line_is_counted_and_the_rest_goes_on(tmp_path: Path, line: bytes) -> None:
    events, report = read(tmp_path, LAUNCHED + line + SENT)

    assert report.broken == 1
    assert len(events) == 3


@pytest.mark.parametrize("cost", ["null", '"1.5"', "-1", "true", "[]", '"NaN"', "1e400"])
def test_a_cost_that_is_none_is_not_known(tmp_path: Path, cost: str) -> None:
    events, _ = read(tmp_path, SENT.replace(b"2.7402420000000003", cost.encode()))

    for event in events:
        assert from_structured(to_structured(event)) == event
    costs = [event.data.cost_usd for event in events if isinstance(event.data, ModelCalled)]
    assert costs in ([], [None], [Decimal("1.5")])


@pytest.mark.needs_shared_data
def test_twelve_overlapping_snapshots_are_2016_events_in_any_order(shared_data: Path) -> None:
    source, report = Aider(), Report()
    files = source.files(shared_data / "aider" / "overlapping-snapshots")

    events = list(source.read(files, report))
    backwards = list(source.read(files[::-1], Report()))

    assert report.lines == 12_000
    interactions = {event.id for event in events if isinstance(event.data, InteractionObserved)}
    assert len(interactions) == 2_016
    assert identities(backwards) == identities(events)
    contents = {(event.id, to_structured(event)) for event in events + backwards}
    assert len(contents) == len(identities(events))


@pytest.mark.needs_shared_data
def test_counts_tokens_and_cost_of_the_whole_log_are_exact(shared_data: Path) -> None:
    truths = json.loads((shared_data / "TRUTHS.json").read_bytes())["aider_events"]
    path = shared_data / "aider" / "events.jsonl"
    stated = [
        json.loads(line, parse_float=Fraction)["properties"].get("cost", 0)
        for line in path.read_bytes().splitlines()
        if b'"event": "message_send",' in line
    ]
    report = Report()

    events = list(Aider().read([path], report))

    assert len(identities(events)) == len(events)
    observed = [event.data for event in events if isinstance(event.data, InteractionObserved)]
    counts = Counter(data.task for data in observed)
    assert counts == dict(truths["by_event"])
    assert sum(data.error is not None for data in observed) == truths["exceptions"]
    calls = [event.data for event in events if isinstance(event.data, ModelCalled)]
    assert len(calls) == truths["message_send_cost"]["n"] == 4_446
    assert sum(Fraction(call.cost_usd or 0) for call in calls) == sum(stated)
    assert sum(call.total_tokens or 0 for call in calls) == 56_177_256
    for model, known in truths["cost_by_model"].items():
        costs = [Fraction(call.cost_usd or 0) for call in calls if call.model == model]
        assert len(costs) == known["n"]
        assert float(sum(costs)) == pytest.approx(known["sum"], rel=1e-12)
    for model, known in truths["tokens_by_model"].items():
        assert sum(call.total_tokens or 0 for call in calls if call.model == model) == known["sum"]
