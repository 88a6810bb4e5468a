"""The learner alone: processor time an event, from a log that is full already.

    make bench ARGS=learn

Two mixes of half a million events each (`MOTIF_BENCH_EVENTS` for another number), each in a process
of its own: completed tasks over 10,000 patterns, and tool calls with their results. Filling the log
is not counted; reading it, learning from it and every commit is. Processor time is what is stated,
as it says the same on a machine that others use as well. Where it goes is told by the outermost
function of ours that was running, from a second run under the profiler, which makes calls dearer:
those are shares, not times.
"""

import cProfile
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from connectors.generate import task_completions, tool_events
from connectors.logs.sqlite import SqliteLog
from schemas.envelope import Event, outgoing
from schemas.topics import AGENT_EVENTS
from streams.contribution import Contributor
from streams.learner import Learner
from streams.rules import Rules

EVENTS = int(os.environ.get("MOTIF_BENCH_EVENTS", "500000"))
PARTITIONS = 4
SLICE = 10_000

MIXES: dict[str, Callable[[], Iterable[Event]]] = {
    "task completions": lambda: task_completions(7, EVENTS),
    "tool events": lambda: tool_events(7, EVENTS // 2),
}
STEPS = {
    "read": "the log, with its checksums",
    "examine": "from records to verdicts",
    "apply": "applying events: sessions, recognising",
    "settle": "folding what was recognised",
    "append": "the commit",
}
"""Functions whose time is told, the callees included, and what they are."""


def main() -> None:
    """Run every mix in a process of its own."""
    if len(sys.argv) > 1 and sys.argv[1] in MIXES:
        _measure(sys.argv[1])
        return
    for mix in MIXES:
        subprocess.run([sys.executable, "-m", __spec__.name, mix], check=True)


def _measure(mix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        filled, again = Path(folder, "filled"), Path(folder, "again")
        with SqliteLog.create(filled, partitions=PARTITIONS) as log:
            events = iter(MIXES[mix]())
            while part := list(islice(events, SLICE)):
                log.append([outgoing(event, PARTITIONS) for event in part])
        shutil.copytree(filled, again)
        before = getrusage(RUSAGE_SELF)
        patterns = _learn(filled)
        after = getrusage(RUSAGE_SELF)
        user = after.ru_utime - before.ru_utime
        spent = user + after.ru_stime - before.ru_stime
        print(
            f"{mix}: {EVENTS:,} events, {patterns:,} patterns: {spent / EVENTS * 1e6:.1f} us of"
            f" processor time an event, {user / EVENTS * 1e6:.1f} us of it in the program;"
            f" {after.ru_maxrss >> 10} MB resident at most,"
            f" {before.ru_maxrss >> 10} MB before learning"
        )
        profile = cProfile.Profile()
        profile.runcall(_learn, again)
        _report(profile)


def _learn(folder: Path) -> int:
    """Learn all there is, one partition after the other; how many patterns there are.

    A learner is let go of when its partition is done, as a node that is short of memory does.
    """
    patterns = 0
    with SqliteLog.open(folder) as log:
        for partition in range(log.partitions):
            contributor = Contributor("site", "log", AGENT_EVENTS.name, partition)
            learner = Learner(log, contributor, Rules((1, 0)))
            while learner.step():
                continue
            working = learner._working  # only to count
            patterns += len(working.state.patterns) if working else 0
            learner.release()
    return patterns


def _report(profile: cProfile.Profile) -> None:
    stats = pstats.Stats(profile).get_stats_profile()
    for name, what in STEPS.items():
        step = stats.func_profiles.get(name)
        if step is not None:
            print(f"  {step.cumtime / stats.total_tt:6.1%}  {what}")


if __name__ == "__main__":
    main()
