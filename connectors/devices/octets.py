"""Reading what may lie: bytes of a reply taken one field after the other, never past their end."""

from struct import Struct
from typing import Any, Literal

Order = Literal["big", "little"]


class Malformed(ValueError):
    """Bytes that are not what the protocol says; the sentence names the field."""


class Octets:
    """A cursor over bytes, in the byte order of a protocol.

    >>> octets = Octets(bytes.fromhex("0102ff"), "little")
    >>> octets.u16("vendor"), octets.u8("state"), octets.left
    (513, 255, 0)
    """

    def __init__(self, value: bytes, order: Order) -> None:
        """Begin at the first byte."""
        self._value = value
        self._order: Order = order
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are not read yet."""
        return len(self._value) - self._at

    def take(self, size: int, name: str) -> bytes:
        """The next bytes.

        Raises:
            Malformed: so many are not left.
        """
        begin = self._at
        end = begin + size
        if not begin <= end <= len(self._value):
            raise Malformed(f"{name} needs {size} bytes, and {self.left} are left")
        self._at = end
        return self._value[begin:end]

    def fields(self, layout: Struct, name: str) -> tuple[Any, ...]:
        """The next bytes as fields of fixed sizes, all at once, which takes less time."""
        return layout.unpack(self.take(layout.size, name))

    def peek(self) -> int:
        """The next byte, which stays to be read.

        Raises:
            Malformed: nothing is left.
        """
        if not self.left:
            raise Malformed("nothing is left")
        return self._value[self._at]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left, "the rest")

    def u8(self, name: str) -> int:
        """The next byte as a number."""
        return self.take(1, name)[0]

    def u16(self, name: str, order: Order | None = None) -> int:
        """The next two bytes as a number, perhaps in an order of its own."""
        return int.from_bytes(self.take(2, name), order or self._order)

    def u32(self, name: str) -> int:
        """The next four bytes as a number."""
        return int.from_bytes(self.take(4, name), self._order)

    def end(self, name: str) -> None:
        """Claim that nothing is left.

        Raises:
            Malformed: something is.
        """
        if self.left:
            raise Malformed(f"{self.left} bytes stand behind {name}")


def text_of(value: bytes) -> str:
    """A name as people write it: Latin-1, without spaces and NULs around it.

    >>> text_of(b" 2.00r016" + bytes(3))
    '2.00r016'
    """
    return value.decode("latin-1").strip(" \t\r\n\0")
