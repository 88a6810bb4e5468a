"""Hypothesis strategies for what travels: payloads and events of every class, from their models.

A payload is drawn from the fields of its class, so a class that is added is generated without a
line here. `events()` is what other tests want.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, Required, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le, Lt, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import JsonValue
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from schemas.clock import DAY_US
from schemas.envelope import Event
from schemas.events import PAYLOADS
from schemas.fact import Payload

FIRST_US = -62_135_596_800_000_000
"""The first microsecond of year 1."""
LAST_US = 253_402_300_799_999_999
"""The last microsecond of year 9999."""

RECENT_US = 1_750_000_000_000_000
"""A moment in 2025, around which generated times are dense."""

times_us = st.one_of(
    st.integers(RECENT_US - 40 * DAY_US, RECENT_US + 40 * DAY_US),
    st.integers(FIRST_US, LAST_US),
)
"""Every moment an event can state, most of them near to each other."""

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
"""Non-empty text of any characters but lone surrogates, which UTF-8 cannot carry."""

names = st.one_of(st.sampled_from(["Bash", "Edit", "a:b", "naïve/π", "🦆"]), texts)
"""Names as people and programs choose them."""

finite = st.floats(allow_nan=False, allow_infinity=False)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | finite | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Whatever JSON can say."""

extension_names = st.from_regex(r"x[a-z0-9]{0,9}", fullmatch=True)
"""Extension attributes; the leading x keeps them apart from the attributes CloudEvents define."""

extensions = st.dictionaries(extension_names, texts, max_size=3)
"""Extension attributes as text, which both modes carry alike."""


def payload_classes() -> list[type[Payload]]:
    """Every concrete payload class, found by inspection and not by the table of types."""

    def below(parent: type[Payload]) -> list[type[Payload]]:
        found = [] if "type" not in vars(parent) else [parent]
        for child in parent.__subclasses__():
            found += below(child)
        return found

    roots: list[type[Payload]] = Payload.__subclasses__()
    found = [payload for root in roots for payload in below(root)]
    return sorted(found, key=lambda payload: payload.type)


def payloads(payload: type[Payload], *, unknown: bool = True) -> st.SearchStrategy[Payload]:
    """Valid payloads of the class; optional fields come and go.

    Args:
        payload: the class.
        unknown: whether some carry fields the class does not know.
    """
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in payload.model_fields.items():
        kind = required if field.is_required() else optional
        kind[name] = _field_values(field)
    known = st.fixed_dictionaries(required, optional=optional)
    extra = _unknown_fields(payload) if unknown else st.just({})
    return st.builds(lambda some, more: payload.model_validate({**more, **some}), known, extra)


@st.composite
def events(
    draw: st.DrawFn,
    *classes: type[Payload],
    sources: st.SearchStrategy[str] = texts,
    ids: st.SearchStrategy[str] = texts,
    unknown: bool = True,
) -> Event:
    """Valid events of the given classes, of every class when none is given.

    Args:
        draw: hypothesis' own.
        classes: payload classes to choose from.
        sources: strategy of sources.
        ids: strategy of ids, and of subjects of amendable events.
        unknown: whether some have unknown fields and extension attributes.
    """
    payload = draw(st.sampled_from(classes or tuple(PAYLOADS.values())))
    data = draw(payloads(payload, unknown=unknown))
    identity, subject, revision = draw(ids), draw(st.none() | texts), None
    if payload.amendable and draw(st.booleans()):
        subject, revision = identity, draw(st.integers(0, 2**63 - 2) | st.integers(0, 3))
        identity = f"{subject}@{revision}"
    return Event(
        source=draw(sources),
        id=identity,
        data=data,
        time_us=draw(st.none() | times_us),
        subject=subject,
        revision=revision,
        recorded_us=draw(st.none() | times_us),
        extensions=draw(extensions) if unknown else {},
    )


def _unknown_fields(payload: type[Payload]) -> st.SearchStrategy[dict[str, Any]]:
    unknown_names = st.sampled_from(["type", "topic", "__dict__", "model_extra", "x"]) | texts
    return st.dictionaries(
        unknown_names.filter(lambda name: name not in payload.model_fields),
        json_values,
        max_size=2,
    )


def _field_values(field: FieldInfo) -> st.SearchStrategy[Any]:
    return _values(field.annotation, tuple(field.metadata))


def _values(annotation: Any, constraints: tuple[object, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of an annotation; a kind of field nobody has taught it fails loudly."""
    if annotation is JsonValue:
        return json_values
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _values(arguments[0], (*_flat(arguments[1:]), *constraints))
    if origin in (Union, types.UnionType):
        return st.one_of([_values(one, constraints) for one in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(_values(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.text(max_size=6), _values(arguments[1]), max_size=3)
    if is_typeddict(annotation):
        return _objects(get_type_hints(annotation, include_extras=True))
    return _PLAIN[annotation](_limits(constraints))


def _objects(fields: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Values of a typed dictionary; what it does not require comes and goes."""
    required = {
        name: _values(get_args(hint)[0])
        for name, hint in fields.items()
        if get_origin(hint) is Required
    }
    optional = {name: _values(hint) for name, hint in fields.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def _flat(metadata: tuple[object, ...]) -> list[object]:
    flat: list[object] = []
    for one in metadata:
        flat += one.metadata if isinstance(one, FieldInfo) else [one]
    return flat


def _limits(constraints: tuple[object, ...]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for one in constraints:
        match one:
            case Ge(ge=value):
                limits["least"] = value
            case Le(le=value):
                limits["greatest"] = value
            case Lt(lt=value):
                limits["below"] = value
            case MinLen(min_length=value):
                limits["shortest"] = value
            case MaxLen(max_length=value):
                limits["longest"] = value
            case _ if isinstance(getattr(one, "pattern", None), str):
                limits["pattern"] = getattr(one, "pattern")  # noqa: B009  # pydantic's, untyped
    return limits


def _integers(limits: dict[str, Any]) -> st.SearchStrategy[int]:
    greatest = limits.get("greatest", limits.get("below", 2**63) - 1)
    least = limits.get("least", -(2**63))
    return st.integers(least, min(least + 5_000, greatest)) | st.integers(least, greatest)


def _floats(limits: dict[str, Any]) -> st.SearchStrategy[float]:
    return st.floats(
        limits.get("least"), limits.get("greatest"), allow_nan=False, allow_infinity=False
    )


def _decimals(limits: dict[str, Any]) -> st.SearchStrategy[Decimal]:
    greatest = limits.get("greatest", limits.get("below", 10**9) - 1)
    return st.decimals(limits.get("least"), greatest, places=9) | st.sampled_from(
        [Decimal("0.10"), Decimal("1E-9"), Decimal("1E+2"), Decimal("0." + "1" * 40)]
    )


def _strings(limits: dict[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in limits:
        longest = limits.get("longest", 200)
        shaped = st.from_regex(limits["pattern"], fullmatch=True)
        return shaped.filter(lambda text: len(text) <= longest)
    return names if limits.get("shortest") == 1 else st.text(max_size=8)


_PLAIN: dict[object, Callable[[dict[str, Any]], st.SearchStrategy[Any]]] = {
    str: _strings,
    int: _integers,
    float: _floats,
    Decimal: _decimals,
    bool: lambda _: st.booleans(),
    type(None): lambda _: st.none(),
}
