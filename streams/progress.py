"""How far learners and federators have committed, without restoring any of them."""

import msgspec

from schemas.log import Log
from schemas.topics import LEARNER_CHECKPOINTS
from streams.checkpoint import Damaged, head_of, sealed, unsealed
from streams.contribution import Epoch

Learner = tuple[str, Epoch]
"""An input topic, and the epoch in which its partition was learned."""

_PIECE = 8
"""Records read at once: segments are large."""


class Written(msgspec.Struct):
    """Where a federator is, as its record says."""

    format: int
    position: int

    def encode(self) -> bytes:
        """The value of the record."""
        return sealed(msgspec.json.encode(self))


def federator_key(partition: int) -> bytes:
    """The key of a federator's record among the checkpoints."""
    return f"federator/{partition}".encode()


def progress_of(log: Log, partition: int) -> tuple[dict[Learner, int], Written | None]:
    """The positions of this partition's learners, and of the federator of the same number.

    A head that cannot be read counts as none: whoever restores it will say so. So does a
    federator's record: all rows are written again then.
    """
    learned: dict[Learner, int] = {}
    written: Written | None = None
    mine = federator_key(partition)
    offset = 0
    while records := log.read(LEARNER_CHECKPOINTS.name, partition, offset, _PIECE):
        offset = records[-1].offset + 1
        for record in records:
            key = record.key or b""
            if key == mine:
                written = _written(record.value or b"")
            elif key.endswith(b"/head"):
                learner = _learner(key.decode())
                learned.pop(learner, None)
                try:
                    learned[learner] = head_of(record.value or b"").position
                except (Damaged, ValueError):
                    continue
    return learned, written


def _written(value: bytes) -> Written | None:
    try:
        return msgspec.json.decode(unsealed(value), type=Written)
    except (Damaged, ValueError):
        return None


def _learner(key: str) -> Learner:
    topic, _, epoch, _ = key.split("/")
    rules, _, settings = epoch.partition(".")
    return topic, (int(rules), int(settings))
