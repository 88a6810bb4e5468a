"""A contribution: what one contributor has learned about one pattern, with its version.

The wire is JSON on `pattern.contributions`, keyed by pattern id and contributor. A site's label
travels in a header, as it is for people and no part of what is compared.
"""

from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schemas.ids import partition_of, pattern_id, signature
from schemas.log import Outgoing, Record
from schemas.topics import PATTERN_CONTRIBUTIONS
from streams.change import Pattern
from streams.tally import Tally

Epoch = tuple[int, int]
"""Rules version in code, number of changes of meaning-bearing settings; compared in that order."""

Version = tuple[int, int, int]
"""Epoch and the offset of the record that last changed the tally; compared in that order."""

LABEL = "site_label"
FORK = "fork"
"""Header of a contribution of which another content with the same version was seen."""


RETIRED: Epoch = (2**31 - 1, 0)
"""Above every epoch: that of the last word about a contributor whose log was copied."""


class Contributor(NamedTuple):
    """Who owns a tally: the learner of one partition of one log of one site."""

    site_id: str
    log_id: str
    topic: str
    partition: int

    def __str__(self) -> str:
        """`site/log/topic/partition`."""
        return f"{self.site_id}/{self.log_id}/{self.topic}/{self.partition}"

    @classmethod
    def parse(cls, text: str) -> "Contributor":
        """The contributor of that text.

        >>> Contributor.parse("s/l/agent-events/3").partition
        3
        """
        site_id, log_id, topic, partition = text.split("/")
        return cls(site_id, log_id, topic, int(partition))


class Contribution(msgspec.Struct, frozen=True):
    """A tally with its owner and version; `tally` is the encoded JSON."""

    pattern_id: str
    kind: str
    parts: list[str]
    contributor: str
    epoch: Epoch
    offset: int
    tally: msgspec.Raw

    @property
    def version(self) -> Version:
        """Compared to tell which of two contributions of one contributor is the newer."""
        return (*self.epoch, self.offset)

    @property
    def pattern(self) -> Pattern:
        """Kind and parts."""
        return (self.kind, *self.parts)

    def learned(self) -> Tally:
        """The integers."""
        return Tally.decode(bytes(self.tally))

    @property
    def is_empty(self) -> bool:
        """Whether the contributor no longer makes this pattern."""
        return bytes(self.tally) == EMPTY


EMPTY = Tally().encode()

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Contribution)


def encode(
    pattern: Pattern, contributor: str, epoch: Epoch, offset: int, tally: bytes
) -> tuple[str, bytes]:
    """The pattern's id and the value of its contribution."""
    identity = pattern_id(pattern[0], signature(*pattern[1:]))
    value = Contribution(
        identity, pattern[0], list(pattern[1:]), contributor, epoch, offset, msgspec.Raw(tally)
    )
    return identity, _ENCODER.encode(value)


def outgoing(
    identity: str, contributor: str, value: bytes, label: str, partitions: int
) -> Outgoing:
    """The record of a contribution."""
    key = f"{identity}/{contributor}".encode()
    partition = partition_of(identity.encode(), partitions)
    headers = ((LABEL, label.encode()),)
    return Outgoing(PATTERN_CONTRIBUTIONS.name, partition, key, value, headers)


def retired(record: Record, partitions: int) -> Outgoing | None:
    """The last word about the contributor of a record: nothing, with a version above all.

    Whoever holds it passes over what that contributor said before, however late that comes. None
    where the record holds no contribution.
    """
    said = readable(record.value or b"")
    if said is None:
        return None
    identity, value = encode(said.pattern, said.contributor, RETIRED, 0, EMPTY)
    label = dict(record.headers).get(LABEL, b"").decode("utf-8", "replace")
    return outgoing(identity, said.contributor, value, label, partitions)


def decode(value: bytes) -> Contribution:
    """The contribution of a record's value.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _DECODER.decode(value)


def readable(value: bytes) -> Contribution | None:
    """The contribution of a record's value, None where it is none: such a record is passed over."""
    try:
        return _DECODER.decode(value)
    except (msgspec.MsgspecError, ValueError):
        return None


def checked(value: bytes) -> Contribution:
    """A contribution from outside, of which every part was looked at.

    Raises:
        ValueError: it is none, its tally is impossible, or its id is not that of its pattern.
    """
    contribution = _DECODER.decode(value)
    Contributor.parse(contribution.contributor)
    contribution.learned()
    if contribution.pattern_id != pattern_id(contribution.kind, signature(*contribution.parts)):
        raise ValueError(f"{contribution.pattern_id} is not the id of {contribution.pattern}")
    return contribution


def digest_of(value: bytes) -> int:
    """64 bits that stand for a contribution, added up to tell whether any was lost."""
    return int.from_bytes(blake2b(value, digest_size=8).digest(), "little")


def contributor_of(record: Record) -> str:
    """Whose contribution a record is, by its key alone."""
    return (record.key or b"").partition(b"/")[2].decode()
