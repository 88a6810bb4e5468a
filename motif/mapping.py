"""Saying which values devices of a sort have: a list of data points, from CSV or JSON."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from motif.defining import content_of, decoded, define
from motif.device_patterns import DevicePattern
from motif.node import Node
from projections.device_sorts import PARTS
from schemas.devices import POINTS_MAX, DataPoint, DeviceMapped
from schemas.errors import SourceUnreadable
from schemas.ids import signature_parts

FILE_MAX: Final = 16 * 1024 * 1024
COLUMNS: Final = tuple(name for name in DataPoint.__annotations__ if not name.startswith("_"))
"""The columns of a CSV file, and the keys of an object; the first three must be there."""

_NEEDED: Final = COLUMNS[:3]
_POINTS: Final = TypeAdapter(list[DataPoint])


def read_points(file: Path) -> list[DataPoint]:
    """The data points in a file: CSV with a header, or JSON, a list of objects.

    A JSON file may also be a client's configuration that holds them as `data_point_mappings`.

    Raises:
        SourceUnreadable: it cannot be read, or one of them is not what it can be.
    """
    try:
        text = content_of(file, FILE_MAX).decode("utf-8-sig")
    except UnicodeError as error:
        raise SourceUnreadable(f"{file} cannot be read: {error}") from error
    is_json = text.lstrip()[:1] in {"[", "{"}
    rows = _listed(file, decoded(file, text.encode())) if is_json else _of_csv(file, text)
    if len(rows) > POINTS_MAX:
        raise SourceUnreadable(f"{file} has {len(rows):,} data points; {POINTS_MAX:,} are the most")
    try:
        return _POINTS.validate_python(rows)
    except ValidationError as error:
        wrong = error.errors()[0]
        number, *field = wrong["loc"]
        where = f"data point {int(number) + 1}"
        raise SourceUnreadable(
            f"{file}: {where}: {'.'.join(map(str, field))}: {wrong['msg']}"
        ) from error


def map_points(node: Node, sort: DevicePattern, points: Sequence[DataPoint]) -> None:
    """Say that devices of a sort have these values, in place of what was said before."""
    parts = dict(zip(PARTS, signature_parts(sort.signature), strict=True))
    said: dict[str, Any] = {name: part or None for name, part in parts.items()}
    for name in ("device_type", "major"):
        said[name] = None if said[name] is None else int(said[name])
    mapped = DeviceMapped.model_validate({**said, "origin": "given", "data_points": list(points)})
    define(node, [mapped])


def _listed(file: Path, body: Any) -> list[Any]:
    if isinstance(body, dict):
        profile = body.get("communication_profile", body)
        body = profile.get("data_point_mappings") if isinstance(profile, dict) else None
    if not isinstance(body, list):
        raise SourceUnreadable(f"{file} holds no list of data points")
    return body


def _of_csv(file: Path, text: str) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(text))
    try:
        header, found = rows.fieldnames or (), [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise SourceUnreadable(f"{file}, behind line {rows.line_num}: {error}") from error
    missing = [name for name in _NEEDED if name not in header]
    strange = [name for name in header if name not in COLUMNS]
    if missing or strange:
        wrong = f"lacks {missing[0]}" if missing else f"has {strange[0]!r}, which means nothing"
        raise SourceUnreadable(f"{file}: its header {wrong}; columns are {', '.join(COLUMNS)}")
    return [_row(file, line, row) for line, row in found]


def _row(file: Path, line: int, row: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in row.items() if value and name is not None}
    if None in row or None in row.values():
        raise SourceUnreadable(f"{file}, line {line}: not as many columns as in its header")
    if "scale_factor" in said:
        try:
            said["scale_factor"] = float(said["scale_factor"])
        except ValueError as error:
            message = f"{file}, line {line}: scale_factor is {said['scale_factor']!r}, no number"
            raise SourceUnreadable(message) from error
    return said
