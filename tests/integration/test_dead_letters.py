"""What can be decided about dead letters, and what nobody can bring into a log from elsewhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import motif
from motif import deadletters
from motif.node import Node
from schemas.envelope import Event, from_structured
from schemas.events import ToolFinished
from schemas.log import Log
from schemas.topics import AGENT_EVENTS, PATTERN_DEFINITIONS


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A new installation."""
    with motif.open(tmp_path / "data") as opened:
        yield opened


def stated(identity: str, type_name: str, **data: Any) -> bytes:
    """A line that is an event."""
    document = {"specversion": "1.0", "id": identity, "source": "motif", "type": type_name}
    return json.dumps(document | {"data": data}).encode()


def said_of_itself(node: Node) -> int:
    """How many facts about itself the log holds."""
    ends = (node.log.end(PATTERN_DEFINITIONS.name, one) for one in range(node.log.partitions))
    return sum(ends)


RESERVED = {
    "log": stated("log/x", "motif.log.created.v1", site_id="s", log_id="x", partitions=4, format=1),
    "settings": stated("settings/x/1", "motif.settings.changed.v1", mcp_servers=["tracker"]),
}


@pytest.mark.parametrize("document", RESERVED.values(), ids=RESERVED)
def test_nobody_brings_what_only_a_log_states_about_itself(
    node: Node, tmp_path: Path, document: bytes
) -> None:
    """Neither from a file nor through the library, and a retry does not bring it either."""
    file = tmp_path / "other.jsonl"
    file.write_bytes(document + b"\n")
    before = said_of_itself(node)

    imported = node.import_files("jsonl", [file])
    published = node.publish(from_structured(document))

    assert (imported.refused, published.appended, published.refused) == (1, 0, 1)
    assert {one.reason for one in node.dead_letters()} == {"reserved_type"}
    assert document in {one.value for one in node.dead_letters()}
    assert all("reserved_type" in outcome for _, outcome in node.retry())
    assert said_of_itself(node) == before


def test_a_retry_of_what_could_only_repeat_says_so_and_leaves_the_letter(node: Node) -> None:
    """The learner knows the id: put back, the event would count for nothing."""
    said = [
        Event("me", f"{name}/result", ToolFinished(session_id="s", call_id="c", ok=True))
        for name in ("first", "second")
    ]
    node.publish(said)
    node.settle()
    (refused,) = node.dead_letters()
    assert refused.reason == "already_finished"
    before = node.log.end(AGENT_EVENTS.name, 0)

    ((identity, outcome),) = node.retry()

    assert identity == refused.letter_id
    assert "still refused" in outcome
    assert "only be a repeat" in outcome
    assert node.dead_letters() == [refused]
    assert node.log.end(AGENT_EVENTS.name, 0) == before


def test_letters_are_read_once_however_many_are_decided_about(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of broken lines must not take thousands of readings to be rid of."""
    file = tmp_path / "broken.jsonl"
    file.write_text("".join(f"broken {number}\n" for number in range(50)))
    node.import_files("jsonl", [file])
    ids = [one.letter_id for one in node.dead_letters()]
    readings: list[bool] = []
    letters = deadletters.letters

    def counted(log: Log, *, open_only: bool = True) -> list[deadletters.Letter]:
        readings.append(open_only)
        return letters(log, open_only=open_only)

    monkeypatch.setattr(deadletters, "letters", counted)
    node.retry(ids)
    node.discard(ids)

    assert len(readings) == 2
    assert not node.dead_letters()
