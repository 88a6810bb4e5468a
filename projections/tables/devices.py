"""Columns of the raw table about devices."""

from typing import Final

from projections.tables.types import COUNT, COUNTS, FLAG, JSON, TEXT, Columns

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
    "decoder_version": COUNT,
    "run_id": TEXT,
}
