"""A log fed by hand and a projection of it: what the tests of this folder stand on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from connectors.logs.memory import MemoryLog
from projections import Projector, Store
from projections.tables.types import rows_of
from schemas.clock import Clock
from schemas.envelope import Event, outgoing
from schemas.ids import partition_of, pattern_id, signature
from schemas.log import Headers, Outgoing
from schemas.topics import (
    AGENT_EVENTS,
    DEAD_LETTERS,
    EVENT_DUPLICATES,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
)

NOON_US = 1_700_000_000_000_000
LOG_ID = "0" * 32


@dataclass
class World:
    """A memory log, the file of its projection, and short ways to state facts."""

    folder: Path
    partitions: int = 1
    lazy: bool = False
    fill: Callable[["World"], None] | None = None
    records: Path | None = None
    clock: Clock = lambda: NOON_US
    log: MemoryLog = field(init=False)
    store: Store = field(init=False)
    projector: Projector = field(init=False)

    def __post_init__(self) -> None:
        """Begin with an empty log, or a filled one, and the projection that is there."""
        self.log = MemoryLog(self.partitions, clock=self.clock, lazy=self.lazy)
        if self.fill is not None:
            self.fill(self)
        self.reopen()

    @property
    def path(self) -> Path:
        """The projection's file."""
        return self.folder / "projection.duckdb"

    def reopen(self) -> Store:
        """Open the projection as another process would, and begin to project."""
        self.store = Store.open(self.path, log_id=LOG_ID)
        self.projector = Projector(self.log, self.store, self.records)
        return self.store

    def close(self) -> None:
        """Let go of the file."""
        self.projector.close()
        self.store.close()

    def project(self) -> int:
        """Bring the projection up to date."""
        return self.projector.catch_up()

    def append(self, *events: Event) -> list[int]:
        """Append events; learned they are not yet."""
        return self.log.append([outgoing(event, self.partitions) for event in events])

    def learn(
        self,
        *,
        repeats: Iterable[int] = (),
        refused: Iterable[int] = (),
        withdrawn: Iterable[int] = (),
        epoch: tuple[int, int] = (1, 0),
        upto: int | None = None,
        partition: int = 0,
        topic: str = AGENT_EVENTS.name,
    ) -> None:
        """Say what a learner says of a partition, up to its end or `upto`."""
        said = [_fact(partition, offset, refused=False) for offset in repeats]
        said += [_fact(partition, offset, refused=True) for offset in refused]
        said += [
            Outgoing(EVENT_DUPLICATES.name, partition, _key(partition, offset), None)
            for offset in withdrawn
        ]
        reached = {
            "topic": topic,
            "partition": partition,
            "position": self.log.end(topic, partition) if upto is None else upto,
            "epoch": epoch,
            "waiting": 1,
            "late": 2,
            "repeats": 3,
            "conflicting": 4,
            "refused": 5,
        }
        said.append(
            Outgoing(
                EVENT_DUPLICATES.name,
                partition,
                _key(partition, "position", topic),
                msgspec.json.encode(reached),
            )
        )
        self.log.append(said)

    def state(self, *events: Event) -> None:
        """Append events, learn them and project them."""
        self.append(*events)
        for partition in range(self.partitions):
            self.learn(partition=partition)
        self.project()

    def pattern(self, kind: str, *parts: str, **numbers: Any) -> str:
        """Write the federated row of a pattern; its id."""
        name = signature(*parts)
        identity = pattern_id(kind, name)
        row = pattern_row(kind, parts, **numbers)
        self.log.append([self._patterns(identity, msgspec.json.encode(row))])
        return identity

    def forget(self, identity: str) -> None:
        """Write the tombstone of a pattern."""
        self.log.append([self._patterns(identity, None)])

    def contribute(
        self,
        version: tuple[int, int, int],
        tally: Mapping[str, Any],
        *,
        site: str = "here",
        parts: Sequence[str] = ("Bash",),
    ) -> None:
        """Write a contribution of one site to a pattern of the kind `tool`."""
        identity = pattern_id("tool", signature(*parts))
        contributor = f"{site}/{LOG_ID}/{AGENT_EVENTS.name}/0"
        value = {
            "pattern_id": identity,
            "kind": "tool",
            "parts": parts,
            "contributor": contributor,
            "epoch": version[:2],
            "offset": version[2],
            "tally": tally,
        }
        partition = partition_of(identity.encode(), self.partitions)
        key = f"{identity}/{contributor}".encode()
        self.log.append(
            [
                Outgoing(
                    PATTERN_CONTRIBUTIONS.name,
                    partition,
                    key,
                    msgspec.json.encode(value),
                    (("site_label", site.encode()),),
                )
            ]
        )

    def letter(self, identity: str, value: bytes | None, **headers: bytes) -> None:
        """Write a dead letter, or what was decided about it."""
        about: Headers = (("letter_id", identity.encode()), *headers.items())
        partition = partition_of(identity.encode(), self.partitions)
        self.log.append([Outgoing(DEAD_LETTERS.name, partition, identity.encode(), value, about)])

    def rows(self, table: str, *, order: str = "ALL") -> list[dict[str, Any]]:
        """Everything a table or view holds."""
        return self.ask(f"SELECT * FROM {table} ORDER BY {order}")

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The answer to a query."""
        with self.store.reading() as cursor:
            return rows_of(cursor.execute(query).to_arrow_table())

    def _patterns(self, identity: str, value: bytes | None) -> Outgoing:
        partition = partition_of(identity.encode(), self.partitions)
        return Outgoing(PATTERNS.name, partition, identity.encode(), value)


def pattern_row(kind: str, parts: Sequence[str], **numbers: Any) -> dict[str, Any]:
    """The federated row of a pattern as the federator writes it."""
    name = signature(*parts)
    row: dict[str, Any] = {
        "pattern_id": pattern_id(kind, name),
        "kind": kind,
        "signature": name,
        "title": " / ".join(parts),
        "attributes": {},
        "status": "active",
        "occurrences": 1,
        "successes": None,
        "failures": None,
        "success_rate": None,
        "success_low": None,
        "success_high": None,
        "confidence": 0.5,
        "score": None,
        "first_seen_us": NOON_US,
        "last_seen_us": None,
        "undated": 0,
        "counters": {},
        "site_count": 1,
        "contributor_count": 1,
        "version": "here@1.0:7",
        "forks": [],
        "measures": [],
        "days": [],
        "sites": [],
    }
    return row | numbers


def _key(partition: int, of: int | str, topic: str = AGENT_EVENTS.name) -> bytes:
    return f"{topic}/{partition}/{of}".encode()


def _fact(partition: int, offset: int, *, refused: bool) -> Outgoing:
    value = {
        "topic": AGENT_EVENTS.name,
        "partition": partition,
        "offset": offset,
        "conflicting": False,
        "refused": refused,
    }
    return Outgoing(
        EVENT_DUPLICATES.name, partition, _key(partition, offset), msgspec.json.encode(value)
    )
