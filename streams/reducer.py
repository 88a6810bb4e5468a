"""What a reducer is: a state of exact integers that merges by addition.

A reducer is changed in place by its own folding methods, for speed. Merging by `+` is pure: it
returns a new state that shares nothing with the two it was made from.

Every reducer keeps these laws, and the test suite finds every subclass and holds it to them:

* `Reducer()` is the identity of `+`;
* `+` is associative and commutative;
* folding parts and merging them equals folding the whole, in any order;
* `decode(encode())` is the same state, and two states are equal exactly when their bytes are;
* what takes a value out again restores the earlier state, or says that it cannot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import msgspec

__all__ = ["Reducer"]

_TO_BYTES = msgspec.json.Encoder(order="sorted")


class Reducer(ABC):
    """A state of exact integers that merges by `+` and has one canonical encoding.

    A subclass writes `to_json` so that equal states give equal objects, and `from_json` so that it
    refuses with `ValueError` whatever `to_json` could not have written.
    """

    __slots__ = ()

    @abstractmethod
    def __add__(self, other: Self) -> Self:
        """Return the state that folding both inputs into one would have given."""

    @abstractmethod
    def __eq__(self, other: object) -> bool:
        """Tell whether both states hold the same integers."""

    __hash__ = None  # type: ignore[assignment]  # A state changes in place, so it has no hash.

    @abstractmethod
    def __bool__(self) -> bool:
        """Tell whether anything was folded at all."""

    @abstractmethod
    def to_json(self) -> Any:
        """Return the state as plain lists, dicts, integers and strings."""

    @classmethod
    @abstractmethod
    def from_json(cls, value: object) -> Self:
        """Return the state that `to_json` wrote, or raise `ValueError`."""

    def encode(self) -> bytes:
        """Return the canonical JSON bytes: equal states, and only those, have equal bytes."""
        return _TO_BYTES.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the state with these bytes, or raise `ValueError` when they are malformed."""
        try:
            value = msgspec.json.decode(data)
        except (msgspec.MsgspecError, RecursionError) as exc:
            raise ValueError(f"not the JSON of a {cls.__name__}: {exc}") from exc
        return cls.from_json(value)

    def __repr__(self) -> str:
        """Show the class and its JSON."""
        return f"{type(self).__name__}.from_json({self.to_json()!r})"
