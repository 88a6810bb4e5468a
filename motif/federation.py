"""Federation as a library call: contributions handed out by one site and taken in by another."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from schemas.ids import partition_of
from schemas.log import Headers, Log, Outgoing
from schemas.topics import PATTERN_CONTRIBUTIONS
from streams.contribution import FORK, LABEL, Contributor, checked
from streams.federated import Held
from streams.federator import Federator, newer_of
from streams.identity import Identity


class Carried(NamedTuple):
    """A contribution on its way between sites: the bytes of its record's value, and the label."""

    value: bytes
    label: str


@dataclass(slots=True)
class TakenIn:
    """What became of contributions that were brought."""

    taken: int = 0
    known: int = 0
    forked: int = 0
    refused: int = 0


def contributions(log: Log) -> list[Carried]:
    """All contributions that stand in the log and did not fork."""
    found = []
    for partition in range(log.partitions):
        offset = 0
        while records := log.read(PATTERN_CONTRIBUTIONS.name, partition, offset, 4_096):
            offset = records[-1].offset + 1
            for record in records:
                headers = dict(record.headers)
                if record.value is not None and FORK not in headers:
                    found.append(Carried(record.value, headers.get(LABEL, b"").decode()))
    return found


def take_in(
    log: Log, federators: Sequence[Federator], identity: Identity, brought: Iterable[Carried]
) -> TakenIn:
    """Append what is newer than what is held; what claims to be this log's own is refused."""
    outcome = TakenIn()
    by_partition: dict[int, list[tuple[str, str, Carried]]] = defaultdict(list)
    for carried in brought:
        try:
            contribution = checked(carried.value)
        except (msgspec.MsgspecError, ValueError):
            outcome.refused += 1
            continue
        if Contributor.parse(contribution.contributor).log_id == identity.log_id:
            outcome.known += 1
            continue
        name = contribution.pattern_id
        partition = partition_of(name.encode(), log.partitions)
        by_partition[partition].append((name, contribution.contributor, carried))
    for partition, arrived in sorted(by_partition.items()):
        held = federators[partition].versions({name for name, _, _ in arrived})
        log.append(_newer(held, arrived, partition, outcome))
    return outcome


def _newer(
    held: dict[str, dict[str, Held]],
    arrived: list[tuple[str, str, Carried]],
    partition: int,
    outcome: TakenIn,
) -> list[Outgoing]:
    records = []
    for name, contributor, carried in arrived:
        mine = held[name]
        before = mine.get(contributor)
        kept = newer_of(before, Held(carried.value, carried.label))
        if kept is before:
            outcome.known += 1
            continue
        mine[contributor] = kept
        outcome.forked += kept.forked
        outcome.taken += not kept.forked
        headers: Headers = ((LABEL, kept.label.encode()),)
        if kept.forked:
            headers = (*headers, (FORK, b"1"))
        key = f"{name}/{contributor}".encode()
        topic = PATTERN_CONTRIBUTIONS.name
        records.append(Outgoing(topic, partition, key, kept.value, headers))
    return records
