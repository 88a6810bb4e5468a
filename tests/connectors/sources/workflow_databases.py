"""Databases of workflow runs as programs write them, made for a test."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

SEED = ("workflow_id", "error_count", "duration_seconds", "retry_count", "total_tokens")
"""The columns of the first program's own tests, but for the cost."""

WHOLE: dict[str, str] = {
    "id": "INTEGER PRIMARY KEY",
    "adw_id": "TEXT UNIQUE",
    "nl_input": "TEXT",
    "workflow_template": "TEXT",
    "model_used": "TEXT",
    "status": "TEXT",
    "start_time": "TEXT",
    "end_time": "TEXT",
    "duration_seconds": "REAL",
    "error_message": "TEXT",
    "retry_count": "INTEGER",
    "total_tokens": "INTEGER",
    "actual_cost_total": "REAL",
    "estimated_cost_total": "REAL",
    "operation_count": "INTEGER",
}
"""The columns of the real program, as far as they matter here, and one that does not."""


def database(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] | None = None
) -> Path:
    """A database with these rows; its columns are those of the first row where none are said."""
    named = columns or dict.fromkeys(rows[0], "")
    declared = ", ".join(f"{name} {kind}" for name, kind in named.items())
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(f"CREATE TABLE workflow_history ({declared})")
        insert(made, rows)
    return path


def insert(made: sqlite3.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows."""
    for row in rows:
        marks = ", ".join("?" * len(row))
        made.execute(
            f"INSERT INTO workflow_history ({', '.join(row)}) VALUES ({marks})", list(row.values())
        )


def changed(path: Path, statement: str, *bound: Any) -> None:
    """Have somebody else's program change it."""
    with closing(sqlite3.connect(path)) as made:
        made.execute(statement, bound)
        made.commit()


def run(number: int, **stated: Any) -> dict[str, Any]:
    """A row of the real program."""
    known: dict[str, Any] = {
        "adw_id": f"adw-{number}",
        "nl_input": "Run backend tests with pytest",
        "workflow_template": None,
        "model_used": "opus",
        "status": "completed",
        "start_time": f"2025-11-{number + 1:02}T10:00:00",
        "end_time": f"2025-11-{number + 1:02}T10:02:00",
        "duration_seconds": 120.5,
        "error_message": None,
        "retry_count": 0,
        "total_tokens": 5000,
        "actual_cost_total": 0.5,
        "estimated_cost_total": 0.4,
        "operation_count": 78_167,
    }
    return known | stated
