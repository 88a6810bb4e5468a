"""Files of labelled requests, and files of rules, as people write them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schemas.errors import WrongUse
from streams.operations import BUILT_IN, Labelled, OperationRules, labelled_of, rules_of
from streams.operations.own import RULES_BYTES_MAX

LINE_BYTES_MAX: Final = 1 << 20
"""Bytes of one label, its texts included."""


def labels_in(path: Path) -> Iterator[Labelled]:
    """The labels of a file, one JSON object a line; WrongUse names the first line that is none."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE_BYTES_MAX + 1):
            number += 1
            if line.strip():
                yield _label(line, f"{path} line {number}")


def rules_in(path: Path | None) -> OperationRules:
    """The rules of a file, before those of the house; WrongUse names the file."""
    if path is None:
        return BUILT_IN
    with path.open("rb") as file:
        content = file.read(RULES_BYTES_MAX + 1)  # one more than may be, which is then refused
    try:
        return rules_of(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        raise WrongUse(f"{path}: the rules must be text in UTF-8") from error
    except WrongUse as error:
        raise WrongUse(f"{path}: {error}") from error


def _label(line: bytes, where: str) -> Labelled:
    if len(line) > LINE_BYTES_MAX:
        raise WrongUse(f"{where} has more than {LINE_BYTES_MAX:,} bytes, which no label has")
    try:
        document = json.loads(line.decode("utf-8-sig"))
        json.dumps(document, ensure_ascii=False).encode()  # which half a character cannot be
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"{where} is no JSON object of a label: {error}") from error
    try:
        return labelled_of(document)
    except ValueError as error:
        raise WrongUse(f"{where}: {error}") from error
