"""Pages while rows are appended, revised and deleted: each that was there comes exactly once."""

import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from hypothesis.stateful import (
    run_state_machine_as_test as check_machine,
)

from projections.records import RECORDS, Record, Wanted, page
from schemas.clock import DAY_US
from schemas.envelope import Event
from schemas.records import TaskCompleted
from schemas.topics import LEARNED_TOPICS
from schemas.workflows import WorkflowRunDeleted, WorkflowRunFinished
from tests.projections.world import NOON_US, World

STEPS, EXAMPLES = 40, 12

WANTED: tuple[Wanted, ...] = (
    {},
    {"type_name": "workflow_run"},
    {"tags": ("x",)},
    {"text": "disk"},
    {"since": "2023-11-14"},
    {"until": "2023-11-14T22:13:20Z", "tags": ("x", "y")},
)
"""What somebody walks through; of each kind of query one, `NOON_US` being 2023-11-14T22:13:20Z."""

THINGS = st.sampled_from([f"{kind}-{number}" for kind in ("task", "run") for number in range(6)])
TAGS = st.lists(st.sampled_from(["x", "y"]), unique=True)
DAYS = st.integers(-3, 3)
TEXTS = st.sampled_from(["no space on disk", "disk", "something else", None])


def fits(wanted: Wanted, row: dict[str, Any]) -> bool:
    """What a query means, said a second time."""
    return (
        wanted.get("type_name", row["type"]) == row["type"]
        and set(wanted.get("tags", ())) <= set(row["tags"])
        and wanted.get("text", "") in (row["text"] or "")
        and ("since" not in wanted or row["time_us"] >= NOON_US // DAY_US * DAY_US)
        and ("until" not in wanted or row["time_us"] < NOON_US)
    )


class Walking(RuleBasedStateMachine):
    """A log of two partitions that is written while somebody turns pages."""

    @initialize(wanted=st.sampled_from(WANTED))
    def begin(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.folder = tempfile.TemporaryDirectory()
        # The clock goes back now and then, as clocks do.
        ticks = count()
        path = Path(self.folder.name)
        self.world = World(
            path, 2, records=path / RECORDS, clock=lambda: NOON_US + next(ticks) * 7 % 10
        )
        self.revisions = count(1)
        self.now: dict[str, dict[str, Any]] = {}
        self.there: set[str] | None = None
        self.after: str | None = None
        self.seen: list[str] = []

    @rule(thing=THINGS, tags=TAGS, day=DAYS, text=TEXTS)
    def state(self, thing: str, tags: list[str], day: int, text: str | None) -> None:
        revision, time_us = next(self.revisions), NOON_US + day * DAY_US
        if thing.startswith("run"):
            run = WorkflowRunFinished(workflow_id=thing, run_id=thing, tags=tags, input_text=text)
            self._say(Event("test", f"{thing}@{revision}", run, time_us, thing, revision))
            kind = "workflow_run"
        else:
            task = TaskCompleted(
                task_type="t",
                agent="a",
                success=True,
                tags=tags,
                error_message=text,
                record_id=thing,
            )
            self._say(Event("test", f"{thing}@{revision}", task, time_us, thing, revision))
            kind = "task_completion"
        self.now[thing] = {"type": kind, "tags": tags, "text": text, "time_us": time_us}
        self._keep_who_stays()

    @rule(thing=THINGS.filter(lambda thing: thing.startswith("run")))
    def delete(self, thing: str) -> None:
        revision = next(self.revisions)
        gone = WorkflowRunDeleted(workflow_id=thing, run_id=thing)
        self._say(Event("test", f"{thing}@{revision}", gone, None, thing, revision))
        self.now.pop(thing, None)
        self._keep_who_stays()

    @precondition(lambda self: self.there is None)
    @rule()
    def start(self) -> None:
        self.there = self._fitting()
        self.after, self.seen = None, []

    @precondition(lambda self: self.there is not None)
    @rule(limit=st.integers(1, 4))
    def turn(self, limit: int) -> None:
        found = self._page(limit)
        if self.after is None:
            assert self.there is not None
            assert self.there <= set(self.seen), "what was there all the time was not shown"
            self.there = None
        assert len(found) == limit or self.after is None, "a page that is not the last is full"

    @rule()
    def open_again(self) -> None:
        self.world.projector.close()
        self.world.store.close()
        self.world.reopen()

    @invariant()
    def nothing_comes_twice(self) -> None:
        assert len(self.seen) == len(set(self.seen))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            while self.there is not None:
                self.turn(3)
            self.start()
            while self.there is not None:
                self.turn(2)
            assert set(self.seen) == self._fitting()
            self.world.close()
            self.folder.cleanup()

    def _page(self, limit: int) -> list[Record]:
        self.world.project()
        found = page(self.world.store, self.wanted, limit=limit, after=self.after)
        for one in found:
            assert fits(self.wanted, self.now[one.subject]), "it is as it is said now"
            assert list(one.tags) == self.now[one.subject]["tags"]
        self.seen += [one.subject for one in found]
        self.after = found.next
        return list(found)

    def _say(self, event: Event) -> None:
        self.world.append(event)
        for topic in LEARNED_TOPICS:
            for partition in range(2):
                self.world.learn(partition=partition, topic=topic.name)

    def _fitting(self) -> set[str]:
        return {thing for thing, row in self.now.items() if fits(self.wanted, row)}

    def _keep_who_stays(self) -> None:
        """What does not fit at some moment of the walk need not be shown."""
        if self.there is not None:
            self.there &= self._fitting() | set(self.seen)


def test_whoever_turns_pages_meets_each_record_once() -> None:
    check_machine(
        Walking, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    )
