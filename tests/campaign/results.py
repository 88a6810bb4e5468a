"""What came of each case of the campaign: a file of JSON lines that a killed campaign goes on from.

Each line names the code it was run with, so a case is run again when the product has changed.
"""

import os
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("motif", "schemas", "connectors", "streams", "projections")


class Result(msgspec.Struct):
    """One case: `faults` is how often the fault was made, `share` what part of its full length."""

    row: str
    seed: int
    result: str
    faults: int
    seconds: float
    share: int
    code: str
    note: str = ""


class Line(NamedTuple):
    """One line of the table at the end."""

    row: str
    wanted: int
    run: int
    failed: int
    seconds: float


@cache
def code() -> str:
    """A digest of the product's source."""
    digest = blake2b(digest_size=6)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Results:
    """The file; several campaigns may write it at once."""

    def __init__(self, path: Path) -> None:
        """Bind; the folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def add(self, result: Result) -> None:
        """Note one case."""
        line = msgspec.json.encode(result) + b"\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line)
        finally:
            os.close(file)

    def of_this_code(self) -> dict[tuple[str, int], Result]:
        """The last result of every case that was run with the code as it is."""
        found: dict[tuple[str, int], Result] = {}
        for line in self._path.read_bytes().splitlines() if self._path.exists() else []:
            try:
                result = msgspec.json.decode(line, type=Result)
            except msgspec.MsgspecError:
                continue  # it was killed while it wrote this line
            if result.code == code():
                found[result.row, result.seed] = result
        return found


def table(lines: Iterable[Line]) -> str:
    """The lines as text, with their sums."""
    lines = list(lines)
    total = Line(
        "all",
        sum(line.wanted for line in lines),
        sum(line.run for line in lines),
        sum(line.failed for line in lines),
        sum(line.seconds for line in lines),
    )
    texts = [
        ("row", "wanted", "run", "failed", "seconds"),
        *(
            (line.row, str(line.wanted), str(line.run), str(line.failed), f"{line.seconds:.0f}")
            for line in (*lines, total)
        ),
    ]
    wide = [max(len(row[column]) for row in texts) for column in range(5)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if not column else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, wide, strict=True))
        )
        for row in texts
    )
