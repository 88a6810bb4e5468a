"""Runs, revised, deleted and asserted in any order, count as if it had been so from the start."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import DAY_US
from schemas.envelope import Event, time_text
from schemas.errors import Refused
from schemas.ids import id_hash
from schemas.workflows import WorkflowOperationAsserted, WorkflowRunDeleted, WorkflowRunFinished
from streams.apply import Applier
from streams.rules import Rules
from streams.state import State, Unamended
from tests.streams.worlds import NOW, RULES

SOURCE = "runs"
SAID = {
    "Run backend tests with pytest": {"test:pytest:backend"},
    "Run tests and build": {"test:generic:all", "build:build:all"},
    "Fix the login bug": set[str](),
    None: set[str](),
}
"""Requests, and what is recognised in each."""

ASSERTED = ("test:pytest:backend", "deploy:ship:all")


@dataclass(frozen=True)
class Said:
    """One fact about a run: a statement, a deletion (no text and no numbers), or an assertion."""

    run: int
    revision: int | None
    text: str | None = None
    day: int | None = 0
    cost: int | None = None
    outcome: Any = None
    deleted: bool = False
    signature: str = ""

    @property
    def at_us(self) -> int | None:
        return None if self.day is None else NOW - self.day * DAY_US

    def event(self) -> Event:
        name = f"run-{self.run}"
        if self.signature:
            said = WorkflowOperationAsserted(
                workflow_id=name, run_id=name, signature=self.signature
            )
            return Event(SOURCE, f"{name}/{self.signature}", said, self.at_us)
        identity = f"{name}@{self.revision}"
        if self.deleted:
            gone = WorkflowRunDeleted(workflow_id=name, run_id=name)
            return Event(SOURCE, identity, gone, None, name, self.revision)
        run = WorkflowRunFinished(
            workflow_id=name,
            run_id=name,
            input_text=self.text,
            cost_usd=None if self.cost is None else Decimal(self.cost).scaleb(-2),
            outcome=self.outcome,
        )
        return Event(SOURCE, identity, run, self.at_us, name, self.revision)


statements = st.builds(
    Said,
    run=st.integers(0, 2),
    revision=st.integers(0, 3),
    text=st.sampled_from(list(SAID)),
    day=st.none() | st.sampled_from([0, 1, 34, 35, 36, 700]),
    cost=st.none() | st.integers(0, 5),
    outcome=st.sampled_from(["success", "failure", None]),
    deleted=st.sampled_from([False, False, True]),
)
assertions = st.builds(
    Said,
    run=st.integers(0, 2),
    revision=st.none(),
    day=st.none() | st.sampled_from([0, 40]),
    signature=st.sampled_from(ASSERTED),
)
facts = st.tuples(
    st.lists(statements, max_size=12, unique_by=lambda one: (one.run, one.revision)),
    st.lists(assertions, max_size=4, unique_by=lambda one: (one.run, one.signature)),
).map(lambda both: both[0] + both[1])


def truth(said: Sequence[Said]) -> dict[tuple[str, ...], dict[str, Any]]:
    """What should be known, from the last statement of each run and what was asserted of it."""
    counted: dict[str, list[Said]] = defaultdict(list)
    for run in {one.run for one in said}:
        mine = [one for one in said if one.run == run]
        stated = [one for one in mine if not one.signature]
        last = max(stated, key=lambda one: one.revision or 0, default=None)
        if last is not None and last.deleted:
            continue
        claims = {one.signature: one for one in mine if one.signature}
        for signature in {*claims, *(SAID[last.text] if last else ())}:
            counted[signature].append(last or claims[signature])
    return {tuple(name.split(":")): numbers(runs) for name, runs in counted.items()}


def numbers(runs: Sequence[Said]) -> dict[str, Any]:
    """The numbers of an operation that these runs performed."""
    days = [one.at_us // DAY_US for one in runs if one.at_us is not None]
    costs = [one.cost * 10**7 for one in runs if one.cost is not None]
    by_day = {day: days.count(day) for day in set(days) if day > max(days) - 35}
    return {
        "occurrences": len(runs),
        "undated": len(runs) - len(days),
        "successes": sum(one.outcome == "success" for one in runs),
        "failures": sum(one.outcome == "failure" for one in runs),
        "days": sorted(by_day.items()),
        "cost": (len(costs), sum(costs), min(costs, default=None), max(costs, default=None)),
        "squares": sum(cost * cost for cost in costs),
        "first": min((one.at_us for one in runs if one.at_us is not None), default=None),
        "last": max((one.at_us for one in runs if one.at_us is not None), default=None),
    }


def learned(events: Sequence[Event], *, settled_each: int = 99) -> dict[tuple[str, ...], Any]:
    """What a partition knows after these events, committed now and then."""
    state = State()
    applier = Applier(state, RULES)
    for offset, event in enumerate(events):
        applier.apply(event, offset, NOW, id_hash(event.source, event.id))
        if offset % settled_each == 0:
            state.settle(lambda: Unamended({}, ()))
    state.settle(lambda: Unamended({}, ()))
    found = {}
    for pattern, known in state.patterns.items():
        tally = known.tally
        if tally.occurrences:
            cost = tally.measures.get("cost")
            found[pattern[1:]] = {
                "occurrences": tally.occurrences,
                "undated": tally.undated,
                "successes": tally.successes,
                "failures": tally.failures,
                "days": sorted((day, count) for day, count, _, _ in tally.days),
                "cost": (cost.n, cost.total, cost.minimum, cost.maximum)
                if cost
                else (0, 0, None, None),
                "squares": cost.squares if cost else 0,
                "first": tally.first_us,
                "last": tally.last_us,
            }
    return found


@given(said=facts, data=st.data())
def test_the_order_of_arrival_does_not_matter(said: list[Said], data: st.DataObject) -> None:
    events = data.draw(st.permutations([one.event() for one in said]))
    each = data.draw(st.sampled_from([1, 3, 99]))

    assert learned(events, settled_each=each) == truth(said)


def test_a_later_cost_takes_the_place_of_an_earlier_one() -> None:
    first = Said(0, 0, "Run tests and build", cost=5)
    later = Said(0, 1, "Run tests and build", cost=2)

    for events in ([first, later], [later, first]):
        known = learned([one.event() for one in events])
        assert known["build", "build", "all"]["cost"] == (1, 2 * 10**7, 2 * 10**7, 2 * 10**7)


def test_a_run_counts_once_for_what_is_recognised_and_asserted() -> None:
    said = [Said(0, 0, "Run backend tests with pytest"), Said(0, None, signature=ASSERTED[0])]

    for events in (said, said[::-1]):
        known = learned([one.event() for one in events])
        assert known["test", "pytest", "backend"]["occurrences"] == 1


def test_a_deleted_run_that_comes_back_counts_again() -> None:
    said = [
        Said(0, 0, "Run tests and build"),
        Said(0, 1, deleted=True),
        Said(0, None, signature="deploy:ship:all"),
    ]
    assert learned([one.event() for one in said]) == {}

    back = [*said, Said(0, 2, "Run tests and build")]
    assert {"/".join(name) for name in learned([one.event() for one in back])} == {
        "test/generic/all",
        "build/build/all",
        "deploy/ship/all",
    }


def amended(days: float, horizon_us: int | None = RULES.horizon_us) -> None:
    """Apply a statement that its source changed so many days after the run finished."""
    event = Said(0, 1, "Run tests and build", day=3).event()
    assert event.time_us is not None
    changed = time_text(event.time_us + round(days * DAY_US))
    late = Event(
        event.source,
        event.id,
        event.data,
        event.time_us,
        event.subject,
        event.revision,
        extensions={"amendedtime": changed},
    )
    applier = Applier(State(), Rules((1, 0), horizon_us=horizon_us))
    applier.apply(late, 0, NOW, id_hash(late.source, late.id))


def test_a_source_may_change_a_run_for_35_days_and_not_longer() -> None:
    amended(35)
    with pytest.raises(Refused, match="36 days after it happened; 35 days are allowed") as error:
        amended(36)
    assert error.value.reason == "amended_too_late"


def test_the_horizon_is_a_setting_and_may_be_none() -> None:
    amended(700, horizon_us=None)
    with pytest.raises(Refused, match="2 days are allowed"):
        amended(3, horizon_us=2 * DAY_US)


def test_a_time_of_change_that_is_none_is_refused() -> None:
    event = Said(0, 1, day=3).event()
    odd = Event(SOURCE, "run-0", event.data, event.time_us, extensions={"amendedtime": "soon"})

    with pytest.raises(Refused, match="amendedtime"):
        Applier(State(), RULES).apply(odd, 0, NOW, id_hash(SOURCE, "run-0"))


def test_a_private_part_of_a_signature_is_masked() -> None:
    said = WorkflowOperationAsserted(
        workflow_id="w", run_id="w", signature="deploy:0a1b2c3d4e5f60718293a4b5:all"
    )
    assert set(learned([Event(SOURCE, "w/x", said, NOW)])) == {("deploy", "masked", "all")}
