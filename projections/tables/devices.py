"""Columns of the raw tables about devices, and what people say of sorts of them."""

from typing import Final

import msgspec

from projections.tables.table import Row, Table
from projections.tables.types import (
    COUNT,
    COUNTS,
    FLAG,
    JSON,
    NUMBER,
    PLACE,
    TEXT,
    TEXTS,
    TIME,
    Columns,
)
from schemas.devices import DeviceDefined, DeviceMapped, DeviceRestricted

STARTED: Final[Columns] = {
    "run_id": TEXT,
    "continues": TEXT,
    "who": TEXT,
    "targets": TEXTS,
    "networks": TEXTS,
    "exclude": TEXTS,
    "protocols": TEXTS,
    "units": COUNTS,
    "slots": COUNTS,
    "addresses": COUNT,
    "broadcasts": TEXTS,
    "gap_us": COUNT,
    "requests_per_s": COUNT,
    "connections_per_s": COUNT,
    "at_once": COUNT,
    "background_per_s": COUNT,
}
PROBED: Final[Columns] = {
    "address": TEXT,
    "port": COUNT,
    "protocol": TEXT,
    "unit": COUNT,
    "slot": COUNT,
    "transport": TEXT,
    "path": TEXT,
    "outcome": TEXT,
    "exchanges": JSON,
    "units": COUNTS,
    "evidence": TEXT,
    "vendor_id": COUNT,
    "vendor": TEXT,
    "device_type": COUNT,
    "device_type_name": TEXT,
    "product_code": TEXT,
    "product": TEXT,
    "revision": TEXT,
    "status": COUNT,
    "state": COUNT,
    "serial": TEXT,
    "mac": TEXT,
    "conformity": COUNT,
    "objects": JSON,
    "simulator": FLAG,
    "answers": JSON,
    "alone": FLAG,
    "usage": TEXT,
    "pattern_id": TEXT,
    "learn": FLAG,
    "decoder_version": COUNT,
    "run_id": TEXT,
}
DEFINITIONS: Final = Table(
    "device_defined",
    {
        **PLACE,
        "source": TEXT,
        "event_id": TEXT,
        "happened_at": TIME,
        "appended_at": TIME,
        "protocol": TEXT,
        "vendor": TEXT,
        "device_type": COUNT,
        "product_code": TEXT,
        "major": COUNT,
        "least_revision": TEXT,
        "greatest_revision": TEXT,
        "family": TEXT,
        "origin": TEXT,
        "confidence": NUMBER,
        "reputation": NUMBER,
        "answers": JSON,
        "alone": FLAG,
    },
)
"""What people say of sorts; of a sort the newest definition counts."""


MAPPINGS: Final = Table(
    "device_mapped",
    {
        **PLACE,
        "source": TEXT,
        "event_id": TEXT,
        "happened_at": TIME,
        "appended_at": TIME,
        "protocol": TEXT,
        "vendor": TEXT,
        "device_type": COUNT,
        "product_code": TEXT,
        "major": COUNT,
        "origin": TEXT,
        "data_points": JSON,
    },
)
"""What people say of the values that devices of a sort have; of a sort the newest counts."""

RESTRICTIONS: Final = Table(
    "device_restricted",
    {
        **PLACE,
        "source": TEXT,
        "event_id": TEXT,
        "happened_at": TIME,
        "appended_at": TIME,
        "network": TEXT,
        "fragile": FLAG,
        "windows": TEXTS,
        "timezone": TEXT,
        "who": TEXT,
        "notes": TEXT,
    },
)
"""What people say of how devices of a network may be asked; of a network the newest counts."""


def mapping_row_of(fact: Row, said: DeviceMapped) -> Row:
    """The row of a statement about data points, behind what is common to all facts."""
    sort = (said.protocol, said.vendor, said.device_type, said.product_code, said.major)
    return (*fact, *sort, said.origin, msgspec.json.encode(said.data_points))


def restriction_row_of(fact: Row, said: DeviceRestricted) -> Row:
    """The row of a restriction, behind what is common to all facts."""
    return (*fact, said.network, said.fragile, said.windows, said.timezone, said.who, said.notes)


def row_of(fact: Row, said: DeviceDefined) -> Row:
    """The row of a definition, behind what is common to all facts."""
    told = said.model_dump()
    answers = said.answers
    told["answers"] = None if answers is None else msgspec.json.encode(answers)
    return (*fact, *(told[name] for name in list(DEFINITIONS.columns)[len(fact) :]))
