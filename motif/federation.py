"""Federation as a library call: contributions handed out by one site and taken in by another."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from schemas.ids import partition_of
from schemas.log import Log, Outgoing
from schemas.topics import PATTERN_CONTRIBUTIONS
from streams.contribution import FORK, LABEL, Contribution, Contributor, checked, encode, outgoing
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
    last: dict[bytes | None, Carried | None] = {}
    for partition in range(log.partitions):
        offset = 0
        while records := log.read(PATTERN_CONTRIBUTIONS.name, partition, offset, 4_096):
            offset = records[-1].offset + 1
            for record in records:
                headers = dict(record.headers)
                stands = record.value is not None and FORK not in headers
                label = headers.get(LABEL, b"").decode()
                last.pop(record.key, None)
                last[record.key] = Carried(record.value or b"", label) if stands else None
    return [carried for carried in last.values() if carried is not None]


def take_in(
    log: Log, federators: Sequence[Federator], identity: Identity, brought: Iterable[Carried]
) -> TakenIn:
    """Append what is newer than what is held; what claims to be this log's own is refused."""
    outcome = TakenIn()
    by_partition: dict[int, list[tuple[Contribution, str]]] = defaultdict(list)
    for carried in brought:
        try:
            contribution = checked(carried.value)
        except (msgspec.MsgspecError, ValueError):
            outcome.refused += 1
            continue
        if Contributor.parse(contribution.contributor).log_id == identity.log_id:
            outcome.known += 1
            continue
        partition = partition_of(contribution.pattern_id.encode(), log.partitions)
        by_partition[partition].append((contribution, carried.label))
    for partition, arrived in sorted(by_partition.items()):
        held = federators[partition].versions({one.pattern_id for one, _ in arrived})
        log.append(_newer(held, arrived, log.partitions, outcome))
    return outcome


def _newer(
    held: dict[str, dict[str, Held]],
    arrived: list[tuple[Contribution, str]],
    partitions: int,
    outcome: TakenIn,
) -> list[Outgoing]:
    records = []
    for contribution, label in arrived:
        mine, contributor = held[contribution.pattern_id], contribution.contributor
        before = mine.get(contributor)
        kept = newer_of(before, Held(contribution.version, bytes(contribution.tally), label))
        if kept is before:
            outcome.known += 1
            continue
        mine[contributor] = kept
        outcome.forked += kept.forked
        outcome.taken += not kept.forked
        records.append(_record(contribution, kept, partitions))
    return records


def _record(contribution: Contribution, kept: Held, partitions: int) -> Outgoing:
    rules, settings, offset = kept.version
    identity, value = encode(
        contribution.pattern, contribution.contributor, (rules, settings), offset, kept.tally
    )
    record = outgoing(identity, contribution.contributor, value, kept.label, partitions)
    if kept.forked:
        return record._replace(headers=(*record.headers, (FORK, b"1")))
    return record
