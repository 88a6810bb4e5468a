"""Bad input: each record gets its reason and keeps its bytes, and everything else goes on."""

import json
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import motif
from motif.node import Node
from schemas import envelope, upcasts
from schemas.clock import now_us
from schemas.envelope import Event, data_bytes, decode, outgoing, to_binary, to_structured
from schemas.events import InteractionObserved, TaskCompleted
from schemas.ids import partition_of
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS, DEAD_LETTERS, PATTERN_DEFINITIONS
from tests.integration.rows import asked, assert_settled, tally

TASK = "motif.task.completed.v1"


def line(identity: str, type_name: str = TASK, **changes: Any) -> bytes:
    """A line that is an event, but for what is changed; fields of the envelope begin with ce_."""
    data = {"task_type": "test", "agent": "pytest", "success": True, **changes}
    stated = {name.removeprefix("ce_"): data.pop(name) for name in [*data] if name[:3] == "ce_"}
    document = {
        "specversion": "1.0",
        "id": identity,
        "source": "producer",
        "type": type_name,
        "time": "2026-01-02T03:04:05.678Z",
        "data": data,
        **stated,
    }
    return json.dumps(document).encode()


DEEP = b'{"a":' * 20_000 + b"1" + b"}" * 20_000

REFUSED = {
    "not JSON": (b"{not JSON}", "not_json"),
    "cut short": (line("cut")[:-9], "not_json"),
    "no object": (b'["an", "array"]', "not_cloudevent"),
    "text for a flag": (line("b1", success="true"), "invalid_payload"),
    "number for a flag": (line("b2", success=1), "invalid_payload"),
    "flag for a number": (line("b3", lines_of_code=True), "invalid_payload"),
    "text for a number": (line("b4", duration_us="12"), "invalid_payload"),
    "fraction for a count": (line("b5", duration_us=1.5), "invalid_payload"),
    "NaN": (line("b6", coverage_percent=float("nan")), "not_json"),
    "NaN within what is kept": (line("b7", surprise=[float("nan")]), "not_json"),
    "infinity": (line("b8", coverage_percent=float("inf")), "not_json"),
    "empty required text": (line("b9", task_type=""), "invalid_payload"),
    "missing required text": (
        line("b10").replace(b'"task_type"', b'"task_kind"'),
        "invalid_payload",
    ),
    "negative count": (line("b11", retry_count=-1), "invalid_payload"),
    "negative cost": (line("b12", cost_usd="-0.01"), "invalid_payload"),
    "count beyond 64 bits": (line("b13", total_tokens=2**63), "invalid_payload"),
    "time without offset": (line("b14", ce_time="2026-01-02T03:04:05"), "bad_time"),
    "no time at all": (line("b15", ce_time="soon"), "bad_time"),
    "before year 1 in UTC": (line("b16", ce_time="0001-01-01T00:00:00+14:00"), "bad_time"),
    "after year 9999 in UTC": (line("b17", ce_time="9999-12-31T23:59:59-14:00"), "bad_time"),
    "ten megabytes": (line("b18", metadata={"text": "x" * 10_000_000}), "too_large"),
    "invalid UTF-8": (line("b19", project_name="?").replace(b'"?"', b'"\xff\xfe"'), "not_json"),
    "lone surrogate": (line("b20", project_name="\ud800"), "not_json"),
    "nested too deep": (
        line("b21", metadata=7).replace(b'"metadata": 7', b'"metadata": ' + DEEP),
        "not_json",
    ),
    "unknown type": (line("b22", "motif.weather.observed.v1"), "unknown_type"),
    "unknown version": (line("b23", "motif.task.completed.v9"), "unknown_version"),
    "no id": (line(""), "not_cloudevent"),
    "another CloudEvents version": (line("b24", ce_specversion="0.3"), "not_cloudevent"),
    "a revision of what is never amended": (
        line(
            "b25@3",
            "motif.tool.called.v1",
            session_id="s",
            tool="t",
            ce_subject="b25",
            ce_revision=3,
        ),
        "bad_revision",
    ),
    "nobody's error class": (
        line(
            "b26/result", "motif.tool.finished.v1", session_id="s", call_id="b26", ok=False
        ).replace(b'"ok": false', b'"ok": false, "error_class": "Connection to 10.0.0.7 lost"'),
        "invalid_payload",
    ),
}
"""What a line may be instead of an event, and the reason it is refused for."""

GOOD = [line(f"good-{number}", task_type=f"test-{number % 3}") for number in range(30)]
UNDATED = [
    line("future", task_type="late", ce_time="2099-01-01T00:00:00Z"),
    line("never", task_type="late", ce_time=None),
]


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Every bad line between good ones, with one undated event of the future and one of no time."""
    bad = [content for content, _ in REFUSED.values()]
    lines = [*UNDATED, *bad, *GOOD]
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"".join(content + b"\n" for content in lines[::2] + lines[1::2]))
    return path


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with motif.open(tmp_path / "node", partitions=3) as opened:
        yield opened


def test_every_bad_line_has_its_reason_and_its_bytes(node: Node, mixed: Path) -> None:
    imported = node.import_files("jsonl", [mixed])

    expected = dict(REFUSED.values())
    assert len(expected) == len(REFUSED)
    assert {one.value: one.reason for one in node.dead_letters()} == expected
    assert tally(node, "SELECT bytes, reason FROM dead_letters") == expected
    assert imported.refused == node.status().open_letters == len(REFUSED)
    assert asked(node, "SELECT count(*) FROM dead_letters WHERE decided IS NOT NULL") == [(0,)]
    assert_settled(node)


def test_the_rest_goes_on(node: Node, mixed: Path) -> None:
    imported = node.import_files("jsonl", [mixed])

    assert imported.appended == len(GOOD) + len(UNDATED)
    assert tally(
        node, "SELECT signature, occurrences FROM patterns WHERE NOT contains(signature, 'late')"
    ) == {f"pytest:test-{number}": 10 for number in range(3)}


def test_an_event_of_the_future_or_of_no_time_counts_and_is_not_dated(
    node: Node, mixed: Path
) -> None:
    node.import_files("jsonl", [mixed])

    detail = node.pattern("task:pytest:late")

    assert (detail.pattern.occurrences, detail.pattern.undated) == (2, 2)
    assert (detail.pattern.first_seen, detail.pattern.last_seen, list(detail.days)) == (
        None,
        None,
        [],
    )


def test_a_second_import_adds_no_second_letter(node: Node, mixed: Path, tmp_path: Path) -> None:
    node.import_files("jsonl", [mixed])
    letters = node.dead_letters()
    again = tmp_path / "again.jsonl"
    again.write_bytes(mixed.read_bytes())

    imported = node.import_files("jsonl", [again])

    assert node.dead_letters() == letters
    assert imported.repeats == imported.appended == len(GOOD) + len(UNDATED)
    ends = [node.log.end(DEAD_LETTERS.name, partition) for partition in range(3)]
    assert sum(ends) == len(REFUSED)
    assert imported.refused == len(REFUSED), "they are refused again, only not written again"


def test_a_second_process_adds_no_second_letter(mixed: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with motif.open(tmp_path / "node") as opened:
            opened.import_files("jsonl", [mixed])
            assert len(opened.dead_letters()) == len(REFUSED)


def test_a_file_of_bad_lines_alone_is_seen_at_once(node: Node, tmp_path: Path) -> None:
    """Nothing is learned from it, and still the tables must show the letters."""
    assert asked(node, "SELECT count(*) FROM dead_letters") == [(0,)]
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"not JSON\n")

    node.import_files("jsonl", [path])

    assert asked(node, "SELECT bytes FROM dead_letters") == [(b"not JSON",)]


def test_what_was_decided_is_seen_at_once(node: Node, mixed: Path) -> None:
    node.import_files("jsonl", [mixed])
    kept, *unwanted = [one.letter_id for one in node.dead_letters()]

    node.discard(unwanted)

    assert [one.letter_id for one in node.dead_letters()] == [kept]
    assert asked(node, "SELECT letter_id FROM dead_letters WHERE decided IS NULL") == [(kept,)]
    assert asked(
        node, "SELECT count(*) FROM dead_letters WHERE decided = 'discarded' AND bytes IS NOT NULL"
    ) == [(len(unwanted),)]


def test_a_retry_without_a_remedy_changes_nothing(node: Node, mixed: Path) -> None:
    node.import_files("jsonl", [mixed])
    before = node.dead_letters()

    outcomes = node.retry()

    assert [identity for identity, _ in outcomes] == [one.letter_id for one in before]
    assert all("still refused" in outcome for _, outcome in outcomes)
    assert node.dead_letters() == before


def test_a_retry_works_once_an_upcast_is_known(
    node: Node, mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.import_files("jsonl", [mixed])
    monkeypatch.setitem(upcasts.UPCASTS, "motif.task.completed.v9", (TASK, dict))

    outcomes = dict(node.retry())

    (lifted,) = (
        one for one in node.dead_letters(open_only=False) if one.reason == "unknown_version"
    )
    assert lifted.decided == "retried"
    assert "put back" in outcomes[lifted.letter_id]
    assert len(node.dead_letters()) == len(REFUSED) - 1
    assert node.pattern("task:pytest:test").pattern.occurrences == 1
    assert asked(node, "SELECT event_id FROM task_completions WHERE task_type = 'test'") == [
        ("b23",)
    ]


def test_importing_again_after_a_retry_repeats_it(
    node: Node, mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.import_files("jsonl", [mixed])
    monkeypatch.setitem(upcasts.UPCASTS, "motif.task.completed.v9", (TASK, dict))
    node.retry()

    imported = node.import_files("jsonl", [mixed])

    assert imported.appended == imported.repeats == len(GOOD) + len(UNDATED) + 1
    assert imported.conflicting == 0
    assert node.pattern("task:pytest:test").pattern.occurrences == 1


def test_a_retry_works_after_a_fix(
    node: Node, mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the fix is a greater limit."""
    node.import_files("jsonl", [mixed])
    monkeypatch.setattr(envelope, "SIZE_MAX", 16 << 20)

    node.retry()

    assert "too_large" not in {one.reason for one in node.dead_letters()}
    assert node.pattern("task:pytest:test").pattern.occurrences == 1


def event(identity: str, session: str | None = None, **fields: Any) -> Event:
    """A task completion of a session, dated."""
    data = TaskCompleted(
        task_type="test", agent="pytest", success=True, session_id=session, **fields
    )
    return Event("producer", identity, data, time_us=1_767_323_045_678_000)


def test_what_stands_in_the_log_and_is_no_event_is_refused_by_the_learner(node: Node) -> None:
    """Bytes that some other producer put there, not through an import."""
    key = b"somebody"
    partition = partition_of(key, node.log.partitions)
    headers, value = to_binary(event("1", "somebody"))
    cases = {
        b"garbage": (),
        b"\xff\xfe": headers,
        value[:-1]: headers,
        b"[]": (("content-type", b"application/cloudevents+json"),),
        value: (*headers[:3], ("ce_type", b"\xff"), *headers[4:]),
    }

    node.log.append(
        Outgoing(AGENT_EVENTS.name, partition, key, content, stated)
        for content, stated in cases.items()
    )
    node.log.append([Outgoing(AGENT_EVENTS.name, partition, key, None, headers)])
    node.publish(event("2", "somebody"))

    letters = node_letters(node)
    assert {content for content, _ in letters} == {*cases, b""}
    assert {origin for _, origin in letters} == {
        f"{AGENT_EVENTS.name}/{partition}/{offset}" for offset in range(6)
    }
    assert asked(node, "SELECT event_id FROM task_completions") == [("2",)]
    assert [one.refused for one in node.status().partitions if one.refused] == [6]
    assert_settled(node)


def node_letters(node: Node) -> list[tuple[bytes, str]]:
    """Bytes and origin of every open letter, once all is learned."""
    node.settle()
    return [(one.value, one.origin) for one in node.dead_letters()]


def test_a_misplaced_record_is_refused_and_retry_puts_it_where_it_belongs(node: Node) -> None:
    """Two facts of one content are two facts, also when both are in the wrong place."""
    right = outgoing(event("1", "somebody"), node.log.partitions)
    wrong = (right.partition + 1) % node.log.partitions
    other = outgoing(event("2", "somebody"), node.log.partitions)
    assert right.value == other.value

    node.log.append(one._replace(partition=wrong) for one in (right, other, right))
    node.settle()

    assert [one.reason for one in node.dead_letters()] == ["misplaced", "misplaced"]
    assert asked(node, "SELECT count(*) FROM task_completions") == [(0,)]

    outcomes = node.retry()

    assert all(f"{AGENT_EVENTS.name}/{right.partition}" in outcome for _, outcome in outcomes)
    rows = asked(node, 'SELECT event_id, "partition" FROM task_completions ORDER BY event_id')
    assert rows == [("1", right.partition), ("2", right.partition)]
    assert node.pattern("task:pytest:test").pattern.occurrences == 2
    assert not node.dead_letters()
    assert node.retry() == []


def test_an_event_on_another_topic_is_misplaced_too(node: Node) -> None:
    """What concerns the log itself is no agent's event."""
    created = node.log.read(PATTERN_DEFINITIONS.name, identity_partition(node), 0, 1)[0]

    node.log.append(
        [
            Outgoing(AGENT_EVENTS.name, partition, created.key, created.value, created.headers)
            for partition in range(node.log.partitions)
        ]
    )
    node.settle()

    assert {one.reason for one in node.dead_letters()} == {"misplaced"}


def identity_partition(node: Node) -> int:
    """Where the facts about the log stand."""
    return partition_of(b"identity", node.log.partitions)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_one_id_that_says_two_things_counts_once_and_is_shown(
    node: Node, order: tuple[int, ...]
) -> None:
    """The first statement in the log stands; the others are repeats, and one contradicts it."""
    said = [event("1", "s"), event("1", "s"), event("1", "s", retry_count=5)]

    node.publish(said[place] for place in order)
    node.settle()

    (counts,) = ((one.repeats, one.conflicting) for one in node.status().partitions if one.end)
    assert counts == (2, 2 if order[0] == 2 else 1)  # the first is what the others differ from
    assert node.pattern("task:pytest:test").pattern.occurrences == 1
    assert asked(node, "SELECT count(*) FROM duplicates WHERE conflicting") == [(counts[1],)]


def test_unknown_fields_are_kept_from_the_producer_to_the_export(
    node: Node, tmp_path: Path
) -> None:
    unknown: dict[str, Any] = {"mood": {"of": ["the", "day", 7, None, 1.25]}, "zeta": "ζ"}
    path = tmp_path / "unknown.jsonl"
    path.write_bytes(line("1", session_id="s", ce_myextension="kept", **unknown) + b"\n")

    node.import_files("jsonl", [path])

    (record,) = node.log.read(AGENT_EVENTS.name, partition_of(b"s", 3), 0, 10)
    assert unknown.items() <= json.loads(record.value or b"").items()
    exported = json.loads(to_structured(decode(record)))
    assert unknown.items() <= exported["data"].items()
    assert exported["myextension"] == "kept"
    again = tmp_path / "exported.jsonl"
    again.write_bytes(to_structured(decode(record)) + b"\n")
    assert node.import_files("jsonl", [again]).repeats == 1


def test_an_event_built_by_hand_beyond_the_limit_becomes_a_letter(node: Node) -> None:
    """The library refuses what an import would, instead of failing on the rest."""
    huge = InteractionObserved(session_id="s", metadata={"text": "x" * (2 << 20)})

    published = node.publish([event("1", "s"), Event("producer", "2", huge), event("3", "s")])

    assert (published.appended, published.refused) == (2, 1)
    assert [one.value for one in node.dead_letters()] == [data_bytes(huge)]
    assert asked(node, "SELECT count(*) FROM task_completions") == [(2,)]


def test_a_moment_ahead_of_the_clock_is_dated(node: Node) -> None:
    """Clocks differ; a day is given them."""
    ahead = Event("producer", "1", event("1").data, time_us=now_us() + 3_600_000_000)

    node.publish(ahead)

    assert node.pattern("task:pytest:test").pattern.undated == 0
