"""Single records: what keeping them costs, and how long finding some takes.

    make bench ARGS=records

A million completed tasks (`MOTIF_BENCH_EVENTS` for another number) with words, tags, sessions and
projects, most of them rare, as words are. Then the same number of tool events, which are no
records: beside them the file of records must cost nothing. Projecting is timed in processor time,
with the file and without it; a page in time that passes, each with its settling.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import accumulate, islice
from pathlib import Path
from resource import RUSAGE_THREAD, getrusage
from statistics import quantiles
from typing import Any, Final

import motif
from connectors.generate import tool_events
from motif.beside import PROJECTION
from motif.node import Node
from projections.projector import Projector
from projections.records import RECORDS
from projections.store import Store
from schemas.clock import DAY_US, from_us
from schemas.envelope import Event
from schemas.records import Environment, TaskCompleted

EVENTS = int(os.environ.get("MOTIF_BENCH_EVENTS", "1000000"))
SLICE = 10_000
ASKED = 400
"""Questions of each sort."""

ENVIRONMENTS: Final[tuple[Environment, ...]] = ("development", "staging", "production")
DAYS = 365
FIRST_US = 1_720_000_000_000_000
WORDS = [f"word{number}" for number in range(20_000)]
_WEIGHTS = list(accumulate(1 / (number + 10) for number in range(len(WORDS))))


def main() -> None:
    """Measure both mixes, each in a process of its own."""
    if len(sys.argv) > 1:
        {"records": _records, "tool events": _tools}[sys.argv[1]]()
        return
    for mix in ("records", "tool events"):
        subprocess.run([sys.executable, "-m", __spec__.name, mix], check=True)


def tasks() -> Iterator[Event]:
    """The records, in the order of their times but for a tenth that came late."""
    rng = random.Random(17)
    for number in range(EVENTS):
        late = rng.randrange(30 * DAY_US) if rng.random() < 0.1 else 0
        data = TaskCompleted.model_construct(
            task_type=f"task-{rng.randrange(200)}",
            agent=f"agent-{rng.randrange(20)}",
            success=rng.random() < 0.8,
            duration_us=rng.randrange(10**8),
            session_id=f"session-{number // 20}",
            user_id=f"user-{rng.randrange(500)}",
            project_name=f"project-{rng.randrange(100)}",
            environment=rng.choice(ENVIRONMENTS),
            git_branch=f"branch-{rng.randrange(1000)}",
            tags=[f"tag-{int(rng.paretovariate(0.5)) % 300}" for _ in range(3)],
            error_message=" ".join(_word(rng) for _ in range(12)),
        )
        time_us = FIRST_US + number * DAYS * DAY_US // EVENTS - late
        yield Event("bench", f"task-{number}", data, time_us)


def _word(rng: random.Random) -> str:
    return WORDS[bisect(_WEIGHTS, rng.random() * _WEIGHTS[-1])]


def _records() -> None:
    with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node:
        _fill(node, tasks())
        _compare(node, "records")
        node.settle()
        size = (node.folder / RECORDS).stat().st_size
        print(f"  {RECORDS}: {size / EVENTS:,.0f} bytes a record")
        _ask(node)


def _tools() -> None:
    with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node:
        _fill(node, tool_events(7, EVENTS // 2))
        _compare(node, "tool events")


def _fill(node: Node, events: Iterable[Event]) -> None:
    iterator = iter(events)
    while part := list(islice(iterator, SLICE)):
        node.publish(part)
    node.settle()
    node.engine.let_go()


def _compare(node: Node, what: str) -> None:
    """Project everything without the file and with it."""
    spent_us = {}
    for kept in (False, True):
        with tempfile.TemporaryDirectory() as beside:
            place = Path(beside)
            with Store.open(place / PROJECTION, log_id=node.identity.log_id) as store:
                projector = Projector(node.log, store, place / RECORDS if kept else None)
                began_s = _spent_s()
                projector.catch_up()
                projector.close()
                spent_us[kept] = (_spent_s() - began_s) / EVENTS * 1e6
    print(
        f"{EVENTS:,} {what}: projected in {spent_us[False]:.1f} us each of one thread without the"
        f" file of records, in {spent_us[True]:.1f} us with it:"
        f" {spent_us[True] - spent_us[False]:+.1f}"
    )


def _spent_s() -> float:
    """Processor time of this thread."""
    used = getrusage(RUSAGE_THREAD)
    return used.ru_utime + used.ru_stime


def _ask(node: Node) -> None:
    """Ask each sort of question in turns, first pages and pages from the middle."""
    rng = random.Random(23)
    ids = [f"task-{rng.randrange(EVENTS)}" for _ in range(5 * ASKED)]
    _show("load by id (goal 5)", [_timed(partial(node.record, name)) for name in ids])
    middle = _middle(node)
    every = []
    for name, made in _sorts(rng).items():
        spent = []
        for number in range(ASKED):
            wanted = made()
            after = middle if number % 2 else None
            spent.append(_timed(partial(node.records, after=after, **wanted)))
        _show(name, spent)
        every += spent
    _show("all pages (goal 20)", every)


def _middle(node: Node) -> str:
    """The cursor of a page in the middle of all."""
    cursor = None
    for _ in range(max(1, EVENTS // 2 // SLICE)):
        cursor = node.records(limit=SLICE, after=cursor).next
    assert cursor is not None, "half of all is not all"
    return cursor


def _sorts(rng: random.Random) -> dict[str, Callable[[], dict[str, Any]]]:
    """What somebody asks for, by what it is."""
    draw = rng.randrange

    def during(days: float) -> dict[str, Any]:
        since_us = FIRST_US + draw(int((DAYS - days) * DAY_US))
        return {"since": from_us(since_us), "until": from_us(since_us + int(days * DAY_US))}

    return {
        "everything": dict,
        "a type": lambda: {"type_name": "task_completion"},
        "a day": lambda: during(1),
        "three months": lambda: during(90),
        "a session": lambda: {"session": f"session-{draw(EVENTS // 20)}"},
        "an agent in an hour": lambda: {"agent": f"agent-{draw(20)}", **during(1 / 24)},
        "an agent in a week": lambda: {"agent": f"agent-{draw(20)}", **during(7)},
        "two tags": lambda: {"tags": [f"tag-{draw(5)}", f"tag-{draw(50)}"]},
        "project, branch, user": lambda: {
            "project": f"project-{draw(100)}",
            "branch": f"branch-{draw(1000)}",
            "user": f"user-{draw(500)}",
        },
        "project, environment, failures": lambda: {
            "project": f"project-{draw(100)}",
            "environment": "production",
            "outcome": "failure",
        },
        "a word": lambda: {"text": _word(rng)},
        "a word of an agent in a month": lambda: {
            "text": _word(rng),
            "agent": f"agent-{draw(20)}",
            **during(30),
        },
        "two words": lambda: {"text": f"{_word(rng)} {_word(rng)}"},
        "a phrase": lambda: {"text": f'"{_word(rng)} {_word(rng)}"'},
        "nothing fits": lambda: {"text": "quagga", "agent": f"agent-{draw(20)}"},
    }


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1_000


def _show(name: str, spent: list[float]) -> None:
    share = quantiles(spent, n=100)
    half, most = share[49], share[98]
    print(f"  {name:<32} p50 {half:6.2f} ms   p99 {most:6.2f} ms   most {max(spent):6.2f} ms")


if __name__ == "__main__":
    main()
