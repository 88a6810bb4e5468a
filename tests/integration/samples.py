"""A file as a producer might leave it: many good events, some lines that are none, some repeats."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from connectors.generate import sessions, task_completions
from schemas.envelope import Event, to_structured

BAD = (
    b"not JSON at all",
    b'{"specversion": "1.0", "id": "1", "source": "s", "type": "motif.nothing.known.v1"}',
    b'{"specversion": "1.0", "id": "2", "source": "s", "type": "motif.tool.called.v1", "data": 7}',
)


def write_sample(path: Path, *, seed: int = 3, count: int = 5) -> Path:
    """Write generated sessions and completions as JSON Lines, in no order."""
    rng = Random(seed)
    lines = [to_structured(event) for event in events(seed, count)]
    lines += rng.sample(lines, 100)
    lines += BAD
    rng.shuffle(lines)
    path.write_bytes(b"\n".join([*lines, b""]))
    return path


def events(seed: int, count: int) -> Iterator[Event]:
    """The generated events of a sample."""
    yield from sessions(seed, count)
    yield from task_completions(seed, 300, patterns=40)
