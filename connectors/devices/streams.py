"""The bytes of both ways of a connection, put together from captured segments.

What came twice counts once, and what came early waits. Where a segment is missing, as a capture
may begin in the middle or drop some, the stream goes on behind the hole.
"""

from dataclasses import dataclass, field
from typing import Final

from connectors.devices.captures import Packet

WAITING_MAX: Final = 64
"""Segments that wait for an earlier one; when more do, that one was not captured."""

_WRAP: Final = 1 << 32


@dataclass(slots=True)
class Way:
    """One way of a connection: what has come in order, and what waits."""

    next: int | None = None
    broken: bool = False
    _early: dict[int, bytes] = field(default_factory=dict)

    def add(self, packet: Packet) -> bytes:
        """Bytes that are now in order; `broken` says that some before them are missing."""
        self.broken = False
        if packet.begins:
            self.next, self._early = (packet.sequence + 1) % _WRAP, {}
            return b""
        if not packet.payload:
            return b""
        if self.next is None:
            self.next = packet.sequence
        if len(packet.payload) > len(self._early.get(packet.sequence, b"")):
            self._early[packet.sequence] = packet.payload
        found = self._in_order()
        if not found and len(self._early) > WAITING_MAX:
            self.broken = True
            self.next = min(self._early, key=self._ahead)
            found = self._in_order()
        return found

    def _ahead(self, sequence: int) -> int:
        """How far a place is ahead of the next one; behind it, negative."""
        distance = (sequence - (self.next or 0)) % _WRAP
        return distance - _WRAP if distance >= _WRAP // 2 else distance

    def _in_order(self) -> bytes:
        found = b""
        for sequence in sorted(self._early, key=self._ahead):
            ahead = self._ahead(sequence)
            if ahead > 0:
                break
            payload = self._early.pop(sequence)[-ahead or None :]
            found += payload
            self.next = ((self.next or 0) + len(payload)) % _WRAP
        return found
