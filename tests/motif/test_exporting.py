"""Events that are exported, imported into another log and exported again are the same bytes."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import motif
from connectors.generate import sessions
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from connectors.logs.memory import MemoryLog
from motif import exporting
from motif.exporting import export_events, into_file
from schemas.envelope import Event, from_structured, outgoing
from schemas.log import Log, Outgoing
from schemas.topics import AGENT_EVENTS
from streams.identity import found
from tests.integration.rows import assert_same, learned
from tests.strategies import events


def every_event() -> list[Event]:
    """Events of every topic, some of them amended and deleted."""
    return [*sessions(3, 4), *records(3, 60), *workflow_runs(3, 80, amended=0.3)]


def exported(log: Log) -> bytes:
    target = io.BytesIO()
    export_events(log, target)
    return target.getvalue()


def log_of(items: list[Event], partitions: int) -> MemoryLog:
    log = MemoryLog(partitions)
    found(log, "")
    log.append([outgoing(item, partitions) for item in items])
    return log


def imported(document: bytes, partitions: int) -> MemoryLog:
    return log_of([from_structured(line) for line in document.splitlines()], partitions)


def test_exported_imported_and_exported_again_it_is_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with motif.open(tmp_path / "a", partitions=3) as a:
        a.publish(every_event() + every_event()[::-1])
        expected = learned(a)
        assert into_file(a.log, first) == len(every_event())
    with motif.open(tmp_path / "b", partitions=5) as b:
        b.import_files("jsonl", [first])
        assert_same(learned(b), expected)
        into_file(b.log, second)

    assert first.read_bytes() == second.read_bytes()


@given(items=st.lists(events(unknown=True), max_size=6), cut=st.integers(1, 3))
def test_it_is_a_function_of_the_events(items: list[Event], cut: int) -> None:
    """Whatever partitions there are, and whether it was sorted in pieces."""
    once = {(item.source, item.id): item for item in items if not item.data.reserved}
    distinct = list(once.values())
    whole = exported(log_of(distinct, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "SORTED", cut)
        again = exported(imported(whole, 2))

    assert again == whole
    names = [(one.source, one.id) for one in map(from_structured, whole.splitlines())]
    assert names == sorted(names, key=lambda name: (name[0].encode(), name[1].encode()))
    assert set(names) == set(once)


def test_what_is_no_event_and_what_a_log_says_of_itself_are_left_out() -> None:
    log = log_of(list(sessions(3, 1)), 2)
    before = exported(log)
    log.append([Outgoing(AGENT_EVENTS.name, 0, b"k", b"no event")])

    assert exported(log) == before
    assert b"motif.log.created" not in before


def test_a_file_is_there_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    path = tmp_path / "exported" / "events.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"what was there")
    monkeypatch.setattr(exporting, "export_events", full)

    with pytest.raises(OSError, match="No space left"):
        into_file(MemoryLog(1), path)

    assert [one.read_bytes() for one in path.parent.iterdir()] == [b"what was there"]
