"""Columns of the raw tables about devices, and what people say of sorts of them."""

from typing import Final

from projections.tables.table import Table
from projections.tables.types import (
    COUNT,
    COUNTS,
    FACT,
    FLAG,
    JSON,
    NUMBER,
    TEXT,
    TEXTS,
    Columns,
)

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
        **FACT,
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
        **FACT,
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
        **FACT,
        "network": TEXT,
        "fragile": FLAG,
        "windows": TEXTS,
        "timezone": TEXT,
        "who": TEXT,
        "notes": TEXT,
    },
)
"""What people say of how devices of a network may be asked; of a network the newest counts."""
