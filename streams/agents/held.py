"""What the federator of a worker holds of one partition; no event loop and no store in here.

The contributions themselves stand in a table (a Faust table, by pattern and contributor). Here is
only which there are, with their versions, and which rows are due. Whatever order contributions come
in, however often, the greatest version of each stands in the end.
"""

from collections.abc import Callable, Iterable, Iterator
from sys import intern
from typing import Final, NamedTuple

import msgspec

from streams.change import Pattern
from streams.contribution import EMPTY, FORK, LABEL, Contribution, readable
from streams.federated import Held, row_of, version_text
from streams.federator import newer_of

Headers = Iterable[tuple[str, bytes]]


class Kept(msgspec.Struct, array_like=True):
    """A contribution as it stands in the table."""

    value: bytes
    label: str
    forked: bool = False


class Known(NamedTuple):
    """What is known of a contribution without reading the table."""

    version: tuple[int, int, int]
    empty: bool
    forked: bool


_KEPT: Final = msgspec.msgpack.Decoder(Kept)
_ENCODE: Final = msgspec.msgpack.Encoder().encode


def table_key(contribution: Contribution) -> bytes:
    """The key in the table: pattern and contributor."""
    return f"{contribution.pattern_id}/{contribution.contributor}".encode()


class HeldPartition:
    """The contributions of one partition, by pattern and contributor."""

    def __init__(self, get: Callable[[bytes], bytes | None]) -> None:
        """Read the table through `get`."""
        self._get = get
        self._known: dict[str, dict[str, Known]] = {}
        self._rows: dict[str, str] = {}
        self.due: dict[str, None] = {}

    def __len__(self) -> int:
        """How many patterns are known."""
        return len(self._known)

    def restore(self, packed: bytes) -> None:
        """Remember what stands in the table already."""
        kept = _KEPT.decode(packed)
        contribution = readable(kept.value)
        if contribution is not None:
            self._remember(contribution, forked=kept.forked)

    def take(self, value: bytes, headers: Headers) -> tuple[bytes, bytes] | None:
        """The key and content to put into the table; None where nothing changes."""
        contribution = readable(value)
        if contribution is None:
            return None
        about = dict(headers)
        label = about.get(LABEL, b"").decode("utf-8", "replace")
        forked = FORK in about
        known = self._known.get(contribution.pattern_id, {}).get(contribution.contributor)
        if known is not None and known.version >= contribution.version:
            if known.version > contribution.version or known.forked:
                return None
            forked = self._forks(contribution, label, forked=forked)
            if not forked:
                return None
        self._remember(contribution, forked=forked)
        self.due[contribution.pattern_id] = None
        return table_key(contribution), _ENCODE(Kept(value, label, forked))

    def lacks(self, value: bytes) -> bool:
        """Whether a contribution that was read elsewhere is newer than what is known here."""
        contribution = readable(value)
        if contribution is None:
            return False
        known = self._known.get(contribution.pattern_id, {}).get(contribution.contributor)
        return known is None or known.version < contribution.version

    def row(self, identity: str) -> bytes | None:
        """The federated row of a pattern; None where nobody makes it any more."""
        held: dict[str, Held] = {}
        pattern: Pattern = ()
        for contributor, known in self._known.get(identity, {}).items():
            packed = self._get(f"{identity}/{contributor}".encode())
            kept = _KEPT.decode(packed) if packed else None
            contribution = readable(kept.value) if kept else None
            if kept is not None and contribution is not None:
                pattern = contribution.pattern
                tally = bytes(contribution.tally)
                held[contributor] = Held(known.version, tally, kept.label, known.forked)
        return row_of(identity, pattern, held) if held else None

    def saw_row(self, identity: str, row: bytes | None) -> None:
        """Note what stands last on the topic of rows."""
        if row is None:
            self._rows.pop(identity, None)
        else:
            self._rows[identity] = intern(_version_in(row))

    def stale(self) -> Iterator[str]:
        """Patterns whose last row is not the one of the contributions that are known.

        A federator that was asleep wrote it, or one died before it wrote the right one.
        """
        for identity, by_contributor in self._known.items():
            wanted = ";".join(
                f"{contributor}@{version_text(known.version)}"
                for contributor, known in sorted(by_contributor.items())
                if not (known.empty or known.forked)
            )
            if self._rows.get(identity, "") != wanted and identity not in self.due:
                yield identity

    def _forks(self, contribution: Contribution, label: str, *, forked: bool) -> bool:
        """Whether an equal version has another content."""
        packed = self._get(table_key(contribution))
        kept = _KEPT.decode(packed) if packed else None
        before = readable(kept.value) if kept else None
        if kept is None or before is None:
            return forked
        stands = Held(before.version, bytes(before.tally), kept.label, kept.forked)
        came = Held(contribution.version, bytes(contribution.tally), label, forked)
        return newer_of(stands, came).forked

    def _remember(self, contribution: Contribution, *, forked: bool) -> None:
        by_contributor = self._known.setdefault(contribution.pattern_id, {})
        empty = bytes(contribution.tally) == EMPTY
        known = Known(contribution.version, empty, forked)
        by_contributor[intern(contribution.contributor)] = known


class _Row(msgspec.Struct):
    version: str = ""


_ROW: Final = msgspec.json.Decoder(_Row)


def _version_in(row: bytes) -> str:
    try:
        return _ROW.decode(row).version
    except (msgspec.MsgspecError, ValueError):
        return "unreadable"
