"""Payloads as bytes: JSON in, validated by its class and lifted from older versions; JSON out."""

from collections.abc import Callable, Mapping
from math import isfinite

import msgspec
from pydantic import ValidationError

from schemas.errors import Refused
from schemas.events import PAYLOADS
from schemas.fact import Payload
from schemas.quick import twin_reader, written_of
from schemas.upcasts import UPCASTS, upcast

_JSON = msgspec.json.Encoder()
_WRITTEN: Mapping[type[Payload], tuple[Callable[..., msgspec.Struct], int]] = {
    payload: (written_of(payload), len(payload.model_fields)) for payload in PAYLOADS.values()
}


def data_bytes(data: Payload) -> bytes:
    """A payload as compact JSON, fields that are not known left out, unknown fields kept."""
    values = data.__dict__
    written = _WRITTEN.get(type(data))
    if written is not None and not data.__pydantic_extra__ and len(values) == written[1]:
        return _JSON.encode(written[0](*values.values()))
    known = {name: value for name, value in values.items() if value is not None}
    if data.__pydantic_extra__:
        known.update(data.__pydantic_extra__)
    return _JSON.encode(known)


def read_payload(type_name: str, value: bytes) -> Payload:
    """The payload of this type that the bytes hold, lifted to today's version.

    Raises:
        Refused: nobody knows the type, or the bytes are no such payload.
    """
    reader = READERS.get(type_name)
    if reader is not None:
        return reader(value)
    if type_name not in UPCASTS:
        raise _unknown(type_name)
    newest, lifted = _lifted(type_name, value)
    if newest not in READERS:
        raise _unknown(newest)
    return READERS[newest](lifted)


class Reader:
    """Reads one class of payload; made once, so that the common case is a few steps."""

    __slots__ = ("_free", "_twin", "_validate")

    def __init__(self, payload: type[Payload]) -> None:
        self._twin = twin_reader(payload)
        self._validate = payload.__pydantic_validator__.validate_json
        self._free = tuple(
            name
            for name, field in payload.model_fields.items()
            if "JsonValue" in str(field.annotation)
        )

    def twin(self, value: bytes) -> Payload:
        """The payload in these bytes or, where it is written as we write it, its twin.

        Raises:
            Refused: they are no such payload.
        """
        return self._twin(value) or self(value)

    def __call__(self, value: bytes) -> Payload:
        """The payload in these bytes, by pydantic, whose word is final.

        Raises:
            Refused: they are no such payload.
        """
        try:
            data: Payload = self._validate(value)
        except ValidationError as error:
            raise _refusal(error, value) from error
        if data.__pydantic_extra__ and not _finite(data.__pydantic_extra__):
            raise Refused("not_json", "an unknown field holds NaN or a number out of range")
        for name in self._free:
            # pydantic checks numbers of declared fields, but not inside "any JSON".
            if not _finite(data.__dict__[name]):
                raise Refused("not_json", f"{name} holds NaN or a number out of range")
        return data


READERS: Mapping[str, Reader] = {name: Reader(payload) for name, payload in PAYLOADS.items()}
"""How to read the payload of each type."""


def _finite(value: object) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return all(map(_finite, value)) if isinstance(value, list) else True


def _refusal(error: ValidationError, value: bytes) -> Refused:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "data"
    detail = f"{where}: {first['msg']}"[:300]
    if first["type"] == "json_invalid":
        return Refused("not_json", detail)
    try:
        msgspec.json.decode(value)  # pydantic reads NaN and numbers out of range; JSON has neither
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as no_json:
        return Refused("not_json", str(no_json)[:300])
    return Refused("invalid_payload", detail)


def _lifted(type_name: str, value: bytes) -> tuple[str, bytes]:
    try:
        old = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("not_json", str(error)[:300]) from error
    if not isinstance(old, dict):
        raise Refused("invalid_payload", "data: Input should be an object")
    try:
        newest, data = upcast(type_name, old)
    except (TypeError, ValueError, OverflowError, LookupError) as error:
        detail = f"data cannot be lifted from {type_name}: {error}"
        raise Refused("invalid_payload", detail[:300]) from error
    return newest, _JSON.encode(data)


def _unknown(type_name: str) -> Refused:
    family = type_name.rpartition(".v")[0]
    if any(known.rpartition(".v")[0] == family for known in PAYLOADS):
        return Refused("unknown_version", f"type is {type_name[:100]!r}; no upcast leads from it")
    return Refused("unknown_type", f"type is {type_name[:100]!r}; `motif schema` lists the known")
