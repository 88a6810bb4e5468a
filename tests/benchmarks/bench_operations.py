"""What recognising operations costs: `python -m tests.benchmarks.bench_operations`.

On the instructions of Terminal-Bench where the folder of real data stands beside the checkout, else
on the labelled requests. Nothing is remembered from one request to the next.
"""

import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from streams.operations import BUILT_IN, characteristics, recognise

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data" / "terminal-bench"
LABELS = ROOT / "tests" / "golden" / "operation-labels.jsonl"
ROUNDS = 15


def texts() -> tuple[str, list[str]]:
    """Where the requests come from, and the requests."""
    files = sorted(REAL.glob("*.jsonl")) if REAL.is_dir() else []
    name, field = ("instructions of Terminal-Bench", "instruction") if files else ("labels", "text")
    lines = [line for file in files or [LABELS] for line in file.open(encoding="utf-8")]
    return name, [json.loads(line)[field] for line in lines]


def a_second(act: Callable[[str], object], requests: list[str]) -> float:
    """The best of some rounds, as requests a second."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = perf_counter()
        for text in requests:
            act(text)
        best = min(best, perf_counter() - start)
    return len(requests) / best


def main() -> None:
    """Print the two figures side by side."""
    name, requests = texts()
    found = sum(bool(recognise(BUILT_IN, text, None, None)) for text in requests)
    signatures = a_second(lambda text: recognise(BUILT_IN, text, None, None), requests)
    described = a_second(lambda text: characteristics(text, 200_000_000, 1), requests)
    size = sum(map(len, requests)) / len(requests)
    print(f"{len(requests):,} {name}, {size:.0f} characters each, {found:,} with an operation")
    print(f"{signatures:>9,.0f} signatures/s   {described:>9,.0f} characteristics/s")


if __name__ == "__main__":
    main()
