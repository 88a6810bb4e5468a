"""The rows of a query, as a table, JSON, CSV or Parquet; to stdout or into a file."""

import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import pyarrow as pa
from pyarrow import parquet

from motif.cli.output import for_programs
from schemas.errors import WrongUse

TABLE_ROWS_MAX: Final = 1_000
"""Rows of a table for people; other formats write all."""

NULL: Final = "NULL"
"""What a table shows for null; CSV has nothing there, JSON its own."""

_ENCODE: Final = msgspec.json.Encoder(decimal_format="number").encode


def check(form: str, output: Path | None) -> None:
    """Refuse what could not be written, before anything is asked.

    Raises:
        WrongUse: Parquet would go to a terminal, or the file cannot be made.
    """
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise WrongUse("--format parquet writes bytes; name a file by --output, or use a pipe")
    if output is not None and not output.absolute().parent.is_dir():
        message = f"--output is {str(output)!r}; there must be a folder {output.absolute().parent}"
        raise WrongUse(message)


def write(answer: pa.Table, form: str, output: Path | None) -> None:
    """Write all rows; a file is put in its place when it is whole."""
    if form == "table":
        _write_table(answer, output)
    elif form == "parquet":
        with _bytes_of(output) as file:
            parquet.write_table(answer, file)
    else:
        with text_of(output) as file:
            (_write_json if form == "json" else _write_csv)(answer, file)


def _write_table(answer: pa.Table, output: Path | None) -> None:
    from rich.console import Console

    from motif.display.console import PIPE_WIDTH, say, stdout
    from motif.display.table import Column, table

    columns = [
        Column(field.name, number=_is_number(field.type), gives_way=not _is_number(field.type))
        for field in answer.schema
    ]
    rows = [[_cell(value) for value in row] for row in _rows(answer.slice(0, TABLE_ROWS_MAX))]
    made = table(columns, rows)
    if output is None:
        stdout().print(made)
    else:
        with text_of(output) as file:
            Console(file=file, width=PIPE_WIDTH, highlight=False).print(made)
    if answer.num_rows > TABLE_ROWS_MAX:
        say(
            f"These are {TABLE_ROWS_MAX:,} of {answer.num_rows:,} rows; "
            "--format json, csv or parquet writes all."
        )


def _write_json(answer: pa.Table, file: IO[str]) -> None:
    """A list of objects, one a line."""
    names = _distinct(answer.column_names)
    file.write("[")
    for number, row in enumerate(_rows(answer)):
        line = _ENCODE({name: _plain(value) for name, value in zip(names, row, strict=True)})
        file.write(("," if number else "") + "\n" + line.decode())
    file.write("\n]\n" if answer.num_rows else "]\n")


def _write_csv(answer: pa.Table, file: IO[str]) -> None:
    """A head and a line a row; nothing for null."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(answer.column_names)
    for row in _rows(answer):
        writer.writerow("" if value is None else _cell(value) for value in row)


def _rows(answer: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in answer.to_batches(max_chunksize=4_096):
        if batch.num_columns:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _is_number(of: pa.DataType) -> bool:
    return bool(pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of))


def _cell(value: Any) -> str:
    """A value as text: exact, and the same in a table and in CSV."""
    plain = _plain(value)
    if plain is None:
        return NULL
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list | dict):
        return _ENCODE(plain).decode()
    return f"{plain:f}" if isinstance(plain, Decimal) else str(plain)


def _plain(value: Any) -> Any:
    """A value as JSON has it: moments as text, whole decimals as integers, no NaN."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and _scale(value) == 0 else value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value / timedelta(microseconds=1)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _scale(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _distinct(names: list[str]) -> list[str]:
    """The names of columns, a second one of a name with its number."""
    taken: dict[str, int] = {}
    distinct = []
    for name in names:
        taken[name] = taken.get(name, 0) + 1
        distinct.append(name if taken[name] == 1 else f"{name}_{taken[name]}")
    return distinct


@contextmanager
def text_of(output: Path | None) -> Iterator[IO[str]]:
    """Where text goes: stdout, or a file that is put in its place when it is whole."""
    if output is None:
        yield for_programs()
        return
    with _replacing(output) as path, path.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _bytes_of(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        return
    with _replacing(output) as path, path.open("wb") as file:
        yield file


@contextmanager
def _replacing(output: Path) -> Iterator[Path]:
    """A file beside, which takes the place of the output once it is whole."""
    if output.exists() and not output.is_file():  # such as /dev/stdout: nothing to replace
        yield output
        return
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
