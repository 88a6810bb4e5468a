"""Records of MoAI-Flow as its storage writes them, made for a test."""

import gzip
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

TASK: dict[str, Any] = {
    "task_type": "code_generation",
    "agent": "expert-backend",
    "duration_ms": 2_500,
    "success": True,
    "coverage_percent": 92.5,
}
CONTEXT: dict[str, Any] = {
    "project_name": "moai-adk",
    "session_id": "session-1",
    "environment": "production",
    "timestamp": "2025-11-29T09:59:59Z",
    "tags": ["backend", "test"],
    "metadata": {"region": "us-west-2"},
}
SCHEMA = """CREATE TABLE patterns (pattern_id TEXT PRIMARY KEY, pattern_type TEXT NOT NULL,
 timestamp INTEGER NOT NULL, data TEXT NOT NULL, context TEXT, version TEXT DEFAULT '1.0',
 created_at INTEGER DEFAULT (strftime('%s', 'now')))"""


def record(identity: str = "pat-1", **changed: Any) -> dict[str, Any]:
    """A record of a completed task, with some of it changed."""
    return {
        "pattern_id": identity,
        "pattern_type": "task_completion",
        "timestamp": "2025-11-29T10:00:00.123456Z",
        "data": TASK,
        "context": CONTEXT,
        "version": "1.0",
    } | changed


def save(folder: Path, name: str, content: Mapping[str, Any] | bytes) -> Path:
    """A file in a folder; compressed where its name says so."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def row(identity: str = "pat-1", **changed: Any) -> dict[str, Any]:
    """A row of the database, with some of it changed."""
    return {
        "pattern_id": identity,
        "pattern_type": "task_completion",
        "timestamp": 1_764_410_400,
        "data": json.dumps(TASK),
        "context": json.dumps(CONTEXT),
        "created_at": 1_764_410_460,
    } | changed


def database(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """A database with these rows, as `INSERT OR REPLACE` leaves them."""
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(SCHEMA.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
        for one in rows:
            names, marks = ", ".join(one), ", ".join("?" * len(one))
            made.execute(
                f"INSERT OR REPLACE INTO patterns ({names}) VALUES ({marks})",
                list(one.values()),
            )
    return path
