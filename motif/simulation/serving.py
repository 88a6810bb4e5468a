"""The projector of a simulation, on a real file that is crashed, cut and altered."""

from collections import Counter
from pathlib import Path
from random import Random

from motif.simulation.log import Access, Crashed, SimulatedLog
from projections.projector import Projector
from projections.store import FILLING, Store
from projections.tables.contributions import CONTRIBUTED
from projections.verify import compare
from schemas.errors import ProjectionDamaged
from schemas.topics import PATTERN_CONTRIBUTIONS

_IN_MEMORY = Path(":memory:")
"""DuckDB's name for a file that is none: what is made again only to be compared needs no disk."""

STEPS = 60
"""Records of one transaction while things go wrong."""


class Serving:
    """A process that projects; each of its lives has a file of its own."""

    def __init__(self, folder: Path, log: SimulatedLog, log_id: str, seen: Counter[str]) -> None:
        self._folder = folder
        self._log = log
        self._log_id = log_id
        self._seen = seen
        self._lives = 0
        self._store: Store | None = None
        self._projector: Projector | None = None
        self._access = Access(log)

    def catch_up(self) -> None:
        """Project everything the log holds now."""
        self._opened().catch_up()

    def crash(self, rng: Random) -> None:
        """Project a little, and end as hard as with the power, in a step or between two."""
        self._opened()
        self._access.fuse = rng.choice([None, rng.randint(0, 30)])
        try:
            for _ in range(rng.randint(1, 3)):
                self._step()
            self._seen["projector crash between steps"] += 1
        except Crashed:
            self._seen["projector crash before its commit"] += 1
        before = self._path
        self._lives += 1
        # What a killed process leaves: the files as they are while they are still open.
        for suffix in ("", ".wal"):
            left = before.with_name(before.name + suffix)
            if left.exists():
                self._path.with_name(self._path.name + suffix).write_bytes(left.read_bytes())
        self.close()

    def tear(self, rng: Random) -> None:
        """Cut the file short, or flip a bit of it."""
        self.close()
        if not self._path.exists():
            return
        content = bytearray(self._path.read_bytes())
        at = rng.randrange(len(content))
        if rng.random() < 0.5:
            del content[at:]
        else:
            content[at] ^= 1 << rng.randrange(8)
        self._path.write_bytes(content)
        self._seen["torn file"] += 1

    def differences(self) -> list[str]:
        """In what the projection is not what the log says."""
        try:
            return self._verified()
        except ProjectionDamaged:  # found only now, in what nobody had read since
            self.close()
            return self._verified()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._let_go_of_projector()
        if self._store is not None:
            self._store.close()
        self._store = None

    @property
    def _path(self) -> Path:
        return self._folder / f"life-{self._lives}.duckdb"

    def _opened(self) -> Projector:
        if self._projector is None:
            self._access = Access(self._log)
            self._store = Store.open(self._path, log_id=self._log_id, budget=FILLING)
            self._projector = Projector(self._access, self._store)
        return self._projector

    def _verified(self) -> list[str]:
        self.catch_up()
        assert self._store is not None, "it has just projected"
        with Store.open(_IN_MEMORY, log_id=self._log_id, budget=FILLING) as again:
            projector = Projector(self._log, again)
            projector.catch_up()
            projector.close()
            found = compare(self._store, again)
        # What was projected before the log lost it is in the live tables only.
        lost = self._seen[f"lost from {PATTERN_CONTRIBUTIONS.name}"]
        return [str(one) for one in found if not (lost and one.table == CONTRIBUTED.name)]

    def _step(self) -> None:
        try:
            self._opened().step(STEPS)
        except ProjectionDamaged:
            self.close()

    def _let_go_of_projector(self) -> None:
        if self._projector is not None:
            self._projector.close()
        self._projector = None
