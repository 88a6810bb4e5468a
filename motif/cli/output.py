"""JSON on stdout, from whatever a node answers with."""

import sys
from pathlib import Path
from typing import Any

import msgspec


def print_json(answer: object) -> None:
    """One JSON document, indented, with amounts as exact numbers and bytes as base64."""
    encoder = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")
    sys.stdout.write(msgspec.json.format(encoder.encode(answer), indent=2).decode() + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON")
