"""What programs read, on stdout: JSON, from whatever a node answers with."""

import sys
from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

import msgspec


def print_json(answer: object) -> None:
    """One JSON document, indented, with amounts as exact numbers and bytes as base64."""
    for_programs().write(json_of(answer))


def json_of(answer: object) -> str:
    """The same document as text."""
    encoder = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")
    return msgspec.json.format(encoder.encode(answer), indent=2).decode() + "\n"


def print_lines(answers: Iterable[object]) -> None:
    """A JSON document a line."""
    encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode
    out = for_programs()
    out.writelines(encode(answer).decode() + "\n" for answer in answers)


def for_programs() -> IO[str]:
    """The standard output in UTF-8, whatever a terminal here could show: a title stays a title."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return sys.stdout


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no JSON")
