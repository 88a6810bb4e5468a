"""Twins: the short way to read a payload, for what is written as we write it ourselves.

Pydantic says what a payload is. For every class a twin is made here from its fields, a struct that
msgspec reads in a fifth of the time. It has the fields of its class, and what the class says of
itself, and is for whoever asks for nothing else, as learners do. A twin takes less than the class
does: no unknown field, no number where its text may be meant, no amount but in plain digits. What
it does not take is read by pydantic, which also says what is wrong; what it takes, pydantic would
read as the same payload.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import astuple

from schemas.fact import Count, Moment, Name, Payload, Text, Usd, plain
from schemas.times import FIRST_US, LAST_US
from schemas.workflows import (
    CURRENCY_PATTERN,
    SIGNATURE_MAX,
    SIGNATURE_PATTERN,
    Currency,
    Signature,
)


def _ended(pattern: str) -> str:
    """The pattern as Python reads it, to whom "$" is before a last line break too."""
    return f"{pattern.removesuffix('$')}\\Z"


_TWINS: Final[dict[int, Any]] = {
    id(Name): Annotated[str, msgspec.Meta(min_length=1, max_length=1024)],
    id(Text): Annotated[str, msgspec.Meta(min_length=1)],
    id(Count): Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)],
    id(Moment): Annotated[int, msgspec.Meta(ge=FIRST_US, le=LAST_US)],
    id(Usd): str,
    id(str): str,
    id(bool): bool,
    id(Currency): Annotated[str, msgspec.Meta(pattern=_ended(CURRENCY_PATTERN))],
    id(Signature): Annotated[
        str, msgspec.Meta(max_length=SIGNATURE_MAX, pattern=_ended(SIGNATURE_PATTERN))
    ],
}
"""How the types of fields are read, by identity; a field of another type is left to pydantic."""

_SAID: Final = ("type", "topic", "amendable", "reserved", "partition_key")
"""What a class of payloads says of itself."""

_is_plain_amount: Final = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,12})?", re.ASCII).fullmatch


def stated(data: Payload) -> tuple[Any, ...]:
    """The values of all fields in the order they are declared, of a payload or a twin."""
    return astuple(data) if isinstance(data, msgspec.Struct) else tuple(data.__dict__.values())


def twin_reader(payload: type[Payload]) -> Callable[[bytes], Payload | None]:
    """Reads the twin of a payload of this class, or gives None where pydantic has to read it."""
    twin = twin_of(payload)
    if twin is None:
        return lambda _: None
    hints = get_type_hints(payload, include_extras=True)
    amounts = [name for name in payload.model_fields if _bare(hints[name]) is Usd]
    read = msgspec.json.Decoder(twin).decode

    def quick(value: bytes) -> Any:
        try:
            made = read(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        for name in amounts:
            text = getattr(made, name)
            if text is not None:
                if not _is_plain_amount(text):
                    return None
                amount = Decimal(text)
                setattr(made, name, amount if text[-1] != "0" else plain(amount))
        return made

    return quick


def written_of(payload: type[Payload]) -> type[msgspec.Struct]:
    """A struct of the same fields in their order, which is written without those that are None."""
    return msgspec.defstruct(
        payload.__name__,
        [(name, object, None) for name in payload.model_fields],
        omit_defaults=True,
        gc=False,
    )


@cache
def twin_of(payload: type[Payload]) -> type[msgspec.Struct] | None:
    """The twin of a class of payloads; None where a field that must be there cannot be read so."""
    hints = get_type_hints(payload, include_extras=True)
    fields = {name: _twin(hints[name]) for name in payload.model_fields}
    if any(kind is None and hints[name] is _bare(hints[name]) for name, kind in fields.items()):
        return None
    declared = [
        (name, kind) if payload.model_fields[name].is_required() else (name, kind, None)
        for name, kind in fields.items()
    ]
    return msgspec.defstruct(
        payload.__name__,
        declared,
        namespace={name: getattr(payload, name) for name in _SAID},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def _twin(hint: Any) -> Any:
    """The type the twin reads; None where the field must be absent."""
    bare = _bare(hint)
    as_it_is = get_origin(bare) is Literal or bare == list[str]
    twin = bare if as_it_is else _TWINS.get(id(bare))
    return twin if twin is None or bare is hint else twin | None


def _bare(hint: Any) -> Any:
    """A type without the possibility that it is not known."""
    if get_origin(hint) in {Union, UnionType}:
        return next(one for one in get_args(hint) if one is not NoneType)
    return hint
