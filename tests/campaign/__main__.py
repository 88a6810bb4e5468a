"""The fault campaign on a real Kafka broker: `make campaign-kafka`.

Every case makes its own log, workers and load on a broker, makes its faults, and compares what was
learned and projected with a replay from nothing, row for row. What is in the results file already
for the code as it is, is not run again; a case that failed keeps its seed and its logs, and is run
again when its row and seed are named.
"""

import argparse
import os
import shutil
import sys
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from schemas.clock import monotonic_s
from tests.campaign.results import ROOT, Line, Result, Results, code, table
from tests.campaign.stage import Brokers, Row, Skipped, Stage
from tests.campaign.table import ROWS

PLACE = ROOT / ".campaign"
NOTE_MAX = 2_000
_SAYING = Lock()


def main(words: Sequence[str]) -> int:
    """Run what is missing; 0 when every case that was wanted passed."""
    asked = _asked(words)
    rows = [row for row in ROWS if not asked.row or row.name.startswith(asked.row)]
    if asked.group:
        rows = [replace(row, group=asked.group) for row in rows]
    if not rows:
        _say(f"no row is called {asked.row!r}; there are {', '.join(row.name for row in ROWS)}")
        return 2
    results = Results(PLACE / ("tried.jsonl" if asked.group else "results.jsonl"))
    todo = list(_missing(rows, results, asked.share, asked.seed))
    _say(f"{len(todo)} cases to run of {len(rows)} rows, code {code()}.")
    with TemporaryDirectory(prefix="motif-campaign-") as folder:
        brokers = Brokers(Path(folder))
        try:
            with ThreadPoolExecutor(asked.lanes) as lanes:
                for row, seed in todo:
                    lanes.submit(_run, row, seed, asked.share, brokers, Path(folder), results)
        finally:
            brokers.end()
    lines = [_line(row, results, asked.share) for row in rows]
    _say(table(lines))
    clean = all(line.run >= line.wanted and not line.failed for line in lines)
    return 0 if clean else 1


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--row", default="", help="the rows whose names begin so; all by default")
    parser.add_argument("--share", type=int, default=1, help="4 for a quarter of each count")
    parser.add_argument("--seed", type=int, help="this case alone, even if it was run before")
    parser.add_argument("--group", type=int, help="try it with so many faults; nothing is noted")
    parser.add_argument("--lanes", type=int, default=2, help="cases at a time")
    return parser.parse_args([word for word in words if word])


def _missing(
    rows: Iterable[Row], results: Results, share: int, seed: int | None
) -> Iterable[tuple[Row, int]]:
    known = results.of_this_code()
    for row in rows:
        for number in range(row.cases(share)) if seed is None else (seed,):
            before = known.get((row.name, number))
            if seed is not None or before is None or (row.timed and before.share > share):
                yield row, number


def _run(  # handed over by position
    row: Row, seed: int, share: int, brokers: Brokers, folder: Path, results: Results
) -> None:
    place = folder / f"{row.name.replace('/', '-')}-{seed}"
    stage = Stage(row.name, seed, share if row.timed else 1, place, brokers)
    began_s = monotonic_s()
    try:
        place.mkdir(parents=True)
        row.run(stage, row.group)
        result = "passed"
    except Skipped as reason:
        result = "skipped"
        stage.notes.append(str(reason))
    except BaseException:  # noqa: BLE001  # a defect of whatever kind is what is looked for
        result = "failed"
        stage.notes.append(traceback.format_exc())
        _keep(place)
    took_s = monotonic_s() - began_s
    note = "; ".join(stage.notes)
    _say(f"{result} {row.name} seed {seed}, {took_s:.0f} s{': ' if note else ''}{note}")
    if result != "skipped":
        short = note[-NOTE_MAX:]
        results.add(Result(row.name, seed, result, row.group, took_s, stage.share, code(), short))
    shutil.rmtree(place, ignore_errors=True)


def _keep(place: Path) -> None:
    """Keep the logs of a case that failed."""
    for log in place.rglob("*.log"):
        kept = PLACE / "failed" / place.name / log.relative_to(place)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, kept)


def _line(row: Row, results: Results, share: int) -> Line:
    mine = [one for (name, _), one in results.of_this_code().items() if name == row.name]
    wanted = row.cases(share) * row.group
    return Line(
        row.name,
        wanted,
        sum(one.faults for one in mine),
        sum(one.faults for one in mine if one.result == "failed"),
        sum(one.seconds for one in mine),
    )


def _say(text: str) -> None:
    with _SAYING:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main(sys.argv[1:]))
