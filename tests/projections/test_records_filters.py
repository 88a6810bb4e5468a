"""Filters, each alone and all together, against what the same words mean in plain Python."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.records import RECORDS, Record, Wanted, load, page
from projections.records import find as finding
from projections.records.entries import TYPES
from schemas.clock import DAY_US, from_us
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.events import AgentUsed, ErrorOccurred, Payload, TaskCompleted, UserCorrected
from schemas.topics import LEARNED_TOPICS
from schemas.workflows import WorkflowRunFinished
from tests.projections.world import NOON_US, World

COUNT = 240
DAYS = 90
NAMES = ("a", "b", "naïve/π", "o'x")
TAGS = ("red", "Red", "blue sky", "🦆")
TEXTS = (
    "no space left on device",
    "left on the shelf",
    "Zürich, naïve; café",
    "space",
    'said "stop"',
    "-",
)
ENVIRONMENTS = ("development", "production")
EXACT = {
    "agent": "agent",
    "session": "session_id",
    "project": "project",
    "environment": "environment",
    "branch": "branch",
    "user": "user_id",
    "outcome": "outcome",
    "source": "source",
}


def made(rng: Random, number: int) -> tuple[Event, dict[str, Any]]:
    """An event, and what is to be known of it: no field depends on another."""
    context: dict[str, Any] = {
        "session_id": rng.choice((None, *NAMES)),
        "user_id": rng.choice((None, *NAMES)),
        "environment": rng.choice((None, *ENVIRONMENTS)),
        "tags": rng.choice((None, rng.sample(TAGS, rng.randrange(4)))),
    }
    project, branch, agent = rng.choice((None, *NAMES)), rng.choice((None, "m")), rng.choice(NAMES)
    first, second, ok = rng.choice(TEXTS), rng.choice(TEXTS), rng.random() < 0.5
    kind = number % len(TYPES)
    placed = {"project_name": project, "git_branch": branch, **context}
    if TYPES[kind] == "workflow_run":
        placed = {"project": project, "branch": branch, "run_id": f"r{number}", **context}
    data, texts, has_agent, decides = stated(kind, placed, agent, (first, second), ok=ok)
    time_us = None if rng.random() < 0.1 else NOON_US + rng.randrange(DAYS * 24) * DAY_US // 24
    name = getattr(data, "run_id", f"e{number}")
    source = rng.choice(("here", "there"))
    known = {
        "name": name,
        "type": TYPES[kind],
        "agent": agent if has_agent else None,
        "outcome": ("success" if ok else "failure") if decides else None,
        "source": source,
        "time_us": time_us,
        "texts": [*texts, *(context["tags"] or ())],
        "project": project,
        "branch": branch,
        **context,
    }
    return Event(source, name, data, time_us), known


def stated(
    kind: int, placed: dict[str, Any], agent: str, texts: tuple[str, str], *, ok: bool
) -> tuple[Payload, list[str], bool, bool]:
    """A payload, its texts, and whether it names an agent and has an outcome."""
    first, second = texts
    of: dict[str, Any]
    if kind == 0:
        of = {"task_type": "t", "agent": agent, "success": ok, "error_message": second}
        return TaskCompleted(**of, **placed), ["t", second], True, True
    if kind == 1:
        of = {"error_type": "E", "error_message": first, "resolution": second}
        return ErrorOccurred(**of, **placed), ["E", first, second], False, False
    if kind == 2:
        of = {"agent_type": agent, "task_type": "t", "success": ok, "duration_us": 1}
        return AgentUsed(**of, **placed), ["t"], True, True
    if kind == 3:
        of = {"original_output": first, "corrected_output": second, "agent": agent}
        data = UserCorrected(correction_type="c", **of, **placed)
        return data, ["c", first, second], True, False
    of = {"input_text": first, "error_message": second, "outcome": "success" if ok else "failure"}
    return WorkflowRunFinished(workflow_id="w", **of, **placed), [first, second], False, True


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, list[Any]]]:
    """Records of every type, each appended a moment after the one before, and what is in them."""
    folder, ticks, rng = tmp_path_factory.mktemp("filters"), count(), Random(11)
    world = World(folder, 3, records=folder / RECORDS, clock=lambda: NOON_US + next(ticks))
    known = []
    for number in range(COUNT):
        event, facts = made(rng, number)
        world.append(event)
        known.append(facts)
    for topic in LEARNED_TOPICS:
        for partition in range(3):
            world.learn(partition=partition, topic=topic.name)
    world.project()
    yield world, known
    world.close()


def words_of(text: str) -> list[str]:
    """The words of a text without marks, in small letters."""
    plain = unicodedata.normalize("NFD", text.lower())
    return re.findall(r"\w+", "".join(one for one in plain if not unicodedata.combining(one)))


def holds(texts: list[str], phrase: str) -> bool:
    """Whether one of the texts has the words of a phrase one behind the other."""
    wanted = words_of(phrase)
    spans = (words_of(text) for text in texts)
    return any(
        wanted == words[at : at + len(wanted)] for words in spans for at in range(len(words))
    )


def fits(wanted: Wanted, known: dict[str, Any]) -> bool:
    phrases = re.findall(r'"([^"]+)"|(\S+)', wanted.get("text") or "")
    since, until, time_us = wanted.get("since"), wanted.get("until"), known["time_us"]
    return (
        wanted.get("type_name") in {None, known["type"]}
        and set(wanted.get("tags") or ()) <= set(known["tags"] or ())
        and all(wanted.get(name) in {None, known[field]} for name, field in EXACT.items())
        and all(holds(known["texts"], phrase or word) for phrase, word in phrases)
        and (since is None or (time_us is not None and from_us(time_us) >= as_moment(since)))
        and (until is None or (time_us is not None and from_us(time_us) < as_moment(until)))
    )


def as_moment(said: object) -> datetime:
    if isinstance(said, datetime):
        return said
    return datetime.combine(date.fromisoformat(str(said)), datetime.min.time(), UTC)


MOMENTS = st.integers(0, DAYS * 24).map(lambda hour: from_us(NOON_US + hour * DAY_US // 24))
WANTED: st.SearchStrategy[Wanted] = st.fixed_dictionaries(  # type: ignore[assignment]
    {},
    optional={
        "type_name": st.sampled_from(TYPES),
        "tags": st.lists(st.sampled_from([*TAGS, "none has it"]), max_size=3),
        "session": st.sampled_from(NAMES),
        "user": st.sampled_from(NAMES),
        "project": st.sampled_from(NAMES),
        "environment": st.sampled_from(ENVIRONMENTS),
        "branch": st.sampled_from(["m", "M"]),
        "agent": st.sampled_from(NAMES),
        "outcome": st.sampled_from(["success", "failure"]),
        "source": st.sampled_from(["here", "there"]),
        "since": MOMENTS | MOMENTS.map(datetime.date),
        "until": MOMENTS | MOMENTS.map(datetime.date).map(str),
        "text": st.sampled_from(
            ["space left", '"space left"', "zurich NAIVE", '"left on" device', "red", "sky stop"]
        ),
    },
)  # fmt: skip


@pytest.mark.parametrize("few", [0, COUNT // 4, finding.FEW])
@given(data=st.data())
@settings(max_examples=150)
def test_what_is_found_is_what_fits_newest_first(
    filled: tuple[World, list[Any]], few: int, data: st.DataObject
) -> None:
    """Whether the range of time holds few records, which are sorted, or many."""
    world, known = filled
    names = data.draw(st.sampled_from([1, 2, 3, 13]), label="filters at most")
    drawn = list(data.draw(WANTED, label="wanted").items())[:names]
    wanted: Wanted = dict(drawn)  # type: ignore[assignment]
    limit = data.draw(st.sampled_from([1, 7, 1000]), label="limit")
    expected = [one["name"] for one in reversed(known) if fits(wanted, one)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "FEW", few)
        found = names_of(world, wanted, limit)

    assert found == expected


def names_of(world: World, wanted: Wanted, limit: int) -> list[str]:
    """What is found; nothing where a range of time ends before it begins, which is refused."""
    try:
        return [one.subject for one in walked(world, wanted, limit)]
    except WrongUse as refused:
        return [] if "until must come later" in str(refused) else [str(refused)]


def walked(world: World, wanted: Wanted, limit: int) -> Iterator[Record]:
    """All pages, one after the other."""
    after: str | None = None
    while True:
        found = page(world.store, wanted, limit=limit, after=after)
        yield from found
        if found.next is None:
            return
        after = found.next


def test_a_record_says_what_was_stated(filled: tuple[World, list[Any]]) -> None:
    world, known = filled
    for facts in known:
        (one,) = load(world.store, facts["name"])
        assert (one.type, one.source) == (facts["type"], facts["source"])
        assert (one.project, one.branch, one.agent) == (
            facts["project"],
            facts["branch"],
            facts["agent"],
        )
        assert (one.session_id, one.user_id) == (facts["session_id"], facts["user_id"])
        assert list(one.tags) == (facts["tags"] or [])
        assert one.outcome == facts["outcome"]
        assert one.happened_at == (None if facts["time_us"] is None else from_us(facts["time_us"]))
        assert set(facts["texts"]) <= {*map(str, one.data.values()), *one.tags}


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"type_name": "tasks"}, "no type 'tasks'; it must be one of task_completion,"),
        ({"since": "yesterday"}, "since is 'yesterday'; it must be a date such as"),
        ({"since": "2025-02-30"}, "since is '2025-02-30'"),
        ({"until": "2025-06-15T10:00:00"}, "a time with its offset"),
        ({"until": datetime(2025, 6, 15)}, "must have a time zone"),  # noqa: DTZ001
        ({"since": 7}, "since is 7"),
        ({"since": "2025-01-02", "until": "2025-01-01"}, "until must come later"),
        ({"tags": ["t"] * 1 + [str(n) for n in range(64)]}, "65 tags are asked for"),
        ({"tags": ["\udcff"]}, "tag is '\\udcff'; it must be text in UTF-8"),
        ({"agent": 7}, "agent is 7; it must be a text"),
        ({"text": "-"}, "it must hold a word"),
        ({"text": 7}, "text is 7; it must be a text"),
        ({"tags": "red"}, "tags is 'red'; it must be a list of texts"),
        ({"session_id": "s"}, "not asked for by session_id; but by type_name,"),
    ],
)
def test_what_cannot_be_meant_is_named(
    filled: tuple[World, list[Any]], wanted: Any, sentence: str
) -> None:
    with pytest.raises(WrongUse) as refused:
        page(filled[0].store, wanted)

    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "after",
    ["", "x", "1:agent.events:0", "1:nothing:0:0", "1:agent.events:1024:0", "-1:agent.events:0:0",
     "1:agent.events:0:9999999999999999", "\uff11:agent.events:0:0"],
)  # fmt: skip
def test_what_no_page_ended_with_is_no_cursor(filled: tuple[World, list[Any]], after: str) -> None:
    with pytest.raises(WrongUse, match="is no cursor"):
        page(filled[0].store, {}, after=after)


@pytest.mark.parametrize("limit", [0, -1, finding.LIMIT_MAX + 1])
def test_a_page_has_bounds(filled: tuple[World, list[Any]], limit: int) -> None:
    with pytest.raises(WrongUse, match=f"limit is {limit}"):
        page(filled[0].store, {}, limit=limit)
