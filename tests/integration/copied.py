"""A node to be copied, and everything about it that a copy must keep."""

from pathlib import Path

import motif
from motif.node import Node
from tests.integration.rows import Tables, asked, learned, rows_of
from tests.integration.samples import write_sample

LETTERS = ("letter_id", "reason", "detail", "bytes", "headers", "refused_at", "decided")


def learn_sample(folder: Path) -> Path:
    """A folder in which a sample was learned, with letters, one of them decided about."""
    with motif.open(folder, label="old", mcp_servers=["acme"]) as node:
        node.import_files("jsonl", [write_sample(folder / "events.jsonl")])
        node.discard([node.dead_letters()[0].letter_id])
    return folder


def facts(node: Node) -> Tables:
    """What was learned, the events without their places, and the letters."""
    raw = dict.fromkeys(("tool_calls", "task_completions"), ("offset", "partition"))
    letters = asked(node, f"SELECT {', '.join(LETTERS)} FROM dead_letters ORDER BY letter_id")
    return {**learned(node), **rows_of(node, raw), "dead_letters": [str(row) for row in letters]}
