"""Columns of the raw tables about devices."""

from typing import Final

from projections.tables.types import COUNT, COUNTS, FLAG, JSON, TEXT, TEXTS, Columns

STARTED: Final[Columns] = {
    "run_id": TEXT,
    "who": TEXT,
    "targets": TEXTS,
    "networks": TEXTS,
    "exclude": TEXTS,
    "protocols": TEXTS,
    "units": COUNTS,
    "slots": COUNTS,
    "addresses": COUNT,
    "gap_us": COUNT,
    "requests_per_s": COUNT,
    "connections_per_s": COUNT,
    "at_once": COUNT,
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
    "decoder_version": COUNT,
    "run_id": TEXT,
}
