"""What a person waits for: the help, an import of one's own sessions, one pattern among many.

make bench ARGS=front_door
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

import motif
from connectors.generate import task_completions

PATTERNS = int(os.environ.get("MOTIF_BENCH_PATTERNS", "100000"))
LOOKUPS = 2_000
SESSIONS = Path(__file__).parents[3] / "shared" / "data" / "claude-code-sessions"


def main() -> None:
    """Measure all three and print them with their goals."""
    _help()
    _sessions()
    _lookups()


def _help() -> None:
    command = [sys.executable, "-c", "from motif.cli import main; main()", "--help"]
    spent = []
    for _ in range(9):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - start)
    print(f"motif --help: {median(spent):.2f} s, the median of {len(spent)} (goal 0.4)")


def _sessions() -> None:
    if not SESSIONS.is_dir():
        print(f"50 sessions: skipped, there is no {SESSIONS.name} beside the checkout")
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from motif.cli import main; main()", "--data", folder]
        start = time.perf_counter()
        subprocess.run(
            [*command, "import", "claude-code", str(SESSIONS)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        print(f"50 sessions (17 MB) imported: {time.perf_counter() - start:.1f} s (goal 4)")


def _lookups() -> None:
    with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node:
        # Drawn by chance from half as many again, so that at least as many are met.
        events = task_completions(5, 2 * PATTERNS, 3 * PATTERNS // 2)
        while part := list(islice(events, 10_000)):
            node.publish(part)
        names = [f"task:{row['signature']}" for row in _signatures(node)]
        random.Random(5).shuffle(names)
        spent = []
        for name in names[:LOOKUPS]:
            start = time.perf_counter()
            node.pattern(name)
            spent.append((time.perf_counter() - start) * 1_000)
    share = quantiles(spent, n=100)
    print(
        f"row, measures and days of one of {len(names):,} patterns: p50 {share[49]:.1f} ms,"
        f" p99 {share[98]:.1f} ms (goal 10)"
    )


def _signatures(node: motif.Node) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = node.sql("SELECT signature FROM patterns").to_pylist()
    return rows


if __name__ == "__main__":
    main()
