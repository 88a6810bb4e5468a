"""Events to answers: append, learn, federate, project and query, in one process on one machine.

    make bench ARGS=end_to_end

Three mixes of a million events each (`MOTIF_BENCH_EVENTS` for another number), each in a process of
its own: completed tasks over 10,000 patterns, tool calls with their results in sessions of 72 calls
over 22 tools, and runs of workflows with some 11,000 different requests, a few of them amended.
Making the events is not counted, and the helper stands still meanwhile; everything from the first
append until the answer to the first query is. Memory is the most that all processes held together.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from threading import Event, Thread

import motif
from connectors.generate import task_completions, tool_events
from connectors.generate_runs import workflow_runs
from schemas.envelope import Event as Fact

EVENTS = int(os.environ.get("MOTIF_BENCH_EVENTS", "1000000"))
SLICE = 10_000

MIXES: dict[str, tuple[Callable[[], Iterable[Fact]], int]] = {
    "task completions": (lambda: task_completions(7, EVENTS), 30_000),
    "tool events": (lambda: tool_events(7, EVENTS // 2), 15_000),
    "workflow runs": (lambda: islice(workflow_runs(7, EVENTS), EVENTS), 20_000),
}


def main() -> None:
    """Run every mix in a process of its own and print what it measured."""
    if len(sys.argv) > 1 and sys.argv[1] in MIXES:
        _measure(sys.argv[1])
        return
    for mix in MIXES:
        subprocess.run([sys.executable, __file__, mix], check=True)


def _measure(mix: str) -> None:
    events, goal = MIXES[mix]
    append_s = node_s = 0.0
    peak = _Peak()
    peak.start()
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node:
        for part in _slices(events()):
            _signal_children(signal.SIGCONT)
            start, used_s = time.perf_counter(), _used_s(RUSAGE_SELF)
            node.publish(part)
            append_s += time.perf_counter() - start
            node_s += _used_s(RUSAGE_SELF) - used_s
            _signal_children(signal.SIGSTOP)
        _signal_children(signal.SIGCONT)
        start, used_s = time.perf_counter(), _used_s(RUSAGE_SELF)
        node.settle(spent=spent)
        best = node.patterns(limit=1)
        rest_s = time.perf_counter() - start
        node_s += _used_s(RUSAGE_SELF) - used_s
        patterns = sum(node.status().patterns.values())
        log_mb = _megabytes(Path(folder))
    total_s = append_s + rest_s
    print(f"{mix}: {EVENTS:,} events, {patterns:,} patterns, best: {best[0].title}")
    print(f"  {EVENTS / total_s:,.0f} events/s end to end in {total_s:.1f} s (goal {goal:,})")
    print(
        f"  append, learning some {append_s:.1f} s, "
        + ", ".join(f"{k} {v:.1f} s" for k, v in spent.items())
    )
    each, helper_s = 1e6 / EVENTS, _used_s(RUSAGE_CHILDREN)
    print(
        f"  processor time: {node_s * each:.1f} us an event in the node,"
        f" {helper_s * each:.1f} in its projecting helper"
    )
    own_mb, helper_mb = (getrusage(who).ru_maxrss >> 10 for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    print(
        f"  {peak.stop()} MB resident at most (goal 600), pages that both share counted once;"
        f" {own_mb} in the node, {helper_mb} in its projecting helper; {log_mb} MB on disk"
    )


def _used_s(who: int) -> float:
    used = getrusage(who)
    return used.ru_utime + used.ru_stime


class _Peak(Thread):
    """The most this process and its children ever held together, each shared page once."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._most_kb = 0
        self._ended = Event()

    def run(self) -> None:
        while not self._ended.wait(0.5):
            self._most_kb = max(self._most_kb, sum(map(_held_kb, ["self", *_children()])))

    def stop(self) -> int:
        self._ended.set()
        self.join()
        return self._most_kb >> 10


def _children() -> list[str]:
    lists = Path("/proc/self/task").glob("*/children")
    return " ".join(path.read_text("ascii") for path in lists).split()


def _signal_children(how: signal.Signals) -> None:
    """While events are made nobody works: what is not counted must not be of use."""
    for pid in _children():
        os.kill(int(pid), how)


def _held_kb(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _slices(events: Iterable[Fact]) -> Iterator[list[Fact]]:
    iterator = iter(events)
    while part := list(islice(iterator, SLICE)):
        yield part


def _megabytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >> 20


if __name__ == "__main__":
    main()
