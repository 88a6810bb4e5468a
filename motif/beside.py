"""Projecting beside learning, in a process of its own, while there is much to learn.

Python does one thing at a time in a process; a projection from the log needs nothing of the
learner but what stands in the log. DuckDB lets one process write a file, so the node lets go of
the projection until the helper is done.

    python -m motif.beside FOLDER LOG_ID SECONDS

projects until it reads a full stop on its standard input, then to the log's end, and leaves.
When its input closes without one, whoever started it is dead, and it leaves at once. It leaves as
well when nothing was to be projected for so many seconds: who only appends keeps no helper.
"""

import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from connectors.logs.archive_file import FOLDER
from connectors.logs.sqlite import SqliteLog
from connectors.logs.sqlite_file import FILE_NAME
from projections.projector import Projector
from projections.records import RECORDS
from projections.store import FILLING, Store

PAUSE_S = 0.05
"""How long the helper waits when it has caught up with the learner."""

REST_S = 10.0
"""How long a helper stays that has nothing to do."""

_FRUGAL = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Arrow's own pool keeps what it once had; a helper that lives for a minute should not."""

PROJECTION = "projection.duckdb"
"""The projection's file in a node's folder."""

LOG = f"{FILE_NAME}*"
"""The files of a folder that hold its log."""

ARCHIVED = f"{FOLDER}/*/*/*.parquet"
"""The files of a folder into which records of its log were moved."""

DERIVED = (f"{PROJECTION}*", f"{RECORDS}*")
"""The files of a folder that are made from the log, and can be made again."""


def size_of(folder: Path, *patterns: str) -> int:
    """The bytes of the files of a folder that fit patterns."""
    return sum(path.stat().st_size for one in patterns for path in folder.glob(one))


class Helper:
    """Keeps projecting what is learned, in a process of its own, until it is ended.

    Nobody else may have the projection open meanwhile. As a block it ends with the block: with all
    that was learned, or at once where the block failed. What it has to say is `heard`, line by
    line. Should it fail, that is heard too, and the projection is as far as it came: whoever goes
    on with it loses time and nothing else.
    """

    def __init__(self, folder: Path, log_id: str, heard: Callable[[str], None]) -> None:
        """Start it."""
        self._heard = heard
        self._process = subprocess.Popen(  # noqa: S603  # Ourselves, by the interpreter that runs us.
            # With -P: what lies in the current folder and is called as our packages is not ours.
            [sys.executable, "-P", "-m", "motif.beside", str(folder), log_id, str(REST_S)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | _FRUGAL,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.end(whole=kind is None)

    @property
    def has_left(self) -> bool:
        """Whether it has ended by itself; its last words are heard when it is `end`ed."""
        return self._process.poll() is not None

    def end(self, *, whole: bool) -> None:
        """Have it project the `whole` log, or stop where it is, and wait until it is gone."""
        said, trouble = self._process.communicate(b"." if whole else b"")
        for line in said.decode("utf-8", "replace").splitlines():
            self._heard(line)
        if whole and self._process.returncode:
            last = trouble.decode("utf-8", "replace").strip().rpartition("\n")[2]
            why = last or self._process.returncode
            self._heard(f"projecting beside learning ended early: {why}")


def main(folder: Path, log_id: str, rest_s: float) -> None:
    """Project until told to end, or until there was nothing to do for so long."""
    with (
        SqliteLog.open(folder, read_only=True) as log,
        Store.open(folder / PROJECTION, log_id=log_id, budget=FILLING) as store,
    ):
        projector = Projector(log, store, folder / RECORDS)
        pause_s = rested_s = 0.0
        while not (told := select.select([sys.stdin], [], [], pause_s)[0]) and rested_s < rest_s:
            pause_s = 0.0 if projector.step() else PAUSE_S
            rested_s = rested_s + pause_s if pause_s else 0.0
        if told and os.read(sys.stdin.fileno(), 1) == b".":
            projector.catch_up()
        for notice in projector.notices:
            sys.stdout.write(f"{notice}\n")
        projector.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
