"""What archiving and pruning a million events takes: `make bench ARGS=lifecycle`.

Completed tasks and runs of workflows, half and half, are learned before. Each command runs in a
process of its own, as it is typed: half of the events are archived, then a quarter is pruned.
Beside it stands making the tables again from a log whose half is in files, and from one that is
whole. `MOTIF_BENCH_EVENTS` is another number of events.
"""

import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import motif
from connectors.generate import task_completions
from connectors.generate_runs import workflow_runs
from motif.questions import fingerprint
from schemas.clock import DAY_US

EVENTS = int(os.environ.get("MOTIF_BENCH_EVENTS", "1000000"))
SLICE = 10_000
MOTIF = Path(sys.executable).with_name("motif")
GOAL_S, GOAL_MB = 60, 600


def main() -> None:
    """Print how long each takes, and the most memory it held."""
    print(f"archiving and pruning should take less than {GOAL_S} s and {GOAL_MB} MB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        middle_us = _fill(folder)
        as_of = time.strftime("%Y-%m-%d", time.gmtime(middle_us / 1e6))
        before = _taught(folder)
        _timed("rebuild, all in the log", "rebuild", "--data", name)
        _timed("archive half", "archive", "--older-than", "1d", "--as-of", as_of, "--data", name)
        print(f"  same patterns: {_taught(folder) == before}; {_sizes(folder)}")
        _timed("rebuild, half in files", "rebuild", "--data", name)
        _timed("prune a quarter", "prune", "--older-than", "8d", "--as-of", as_of, "--data", name)
        print(f"  same patterns: {_taught(folder) == before}; {_sizes(folder)}")


def _fill(folder: Path) -> int:
    """Learn the events; a time before which about half of them happened."""
    times = []
    with motif.open(folder) as node:
        for made in (
            iter(task_completions(7, EVENTS // 2)),
            islice(workflow_runs(7, EVENTS), EVENTS // 2),
        ):
            while part := list(islice(made, SLICE)):
                times += [one.time_us for one in part if one.time_us is not None]
                node.publish(part)
        node.settle()
    middle_us = sorted(times)[len(times) // 2]
    print(f"{EVENTS:,} events of {(max(times) - min(times)) // DAY_US} days")
    return middle_us


def _taught(folder: Path) -> str:
    with motif.open(folder) as node:
        return fingerprint(node)


def _timed(what: str, *words: str) -> None:
    start_s = time.perf_counter()
    command = [str(MOTIF), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, code, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start_s
    assert code == 0, f"{what} ended with {code}"
    print(f"{what}: {seconds:.1f} s, {used.ru_maxrss >> 10} MB")


def _sizes(folder: Path) -> str:
    log = sum(path.stat().st_size for path in folder.glob("log.sqlite*"))
    files = [path.stat().st_size for path in folder.glob("archive/*/*/*.parquet")]
    return f"log {log >> 20} MB, {len(files)} files of {sum(files) >> 20} MB"


if __name__ == "__main__":
    main()
