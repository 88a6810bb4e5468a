"""JSON Lines of CloudEvents in structured mode: one event a line, whatever source it states.

A line that is no event is handed back byte for byte with its reason, for `dead.letters`. Blank
lines are skipped. A last line without newline is read when it is a whole JSON object, since no
beginning of an object is another object; otherwise it may still be growing and is left.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from connectors.contract import Report, Unreadable
from connectors.sources.lines import documents, files_under
from schemas.envelope import Event, check_producer, from_structured
from schemas.errors import Refused


class JsonLines:
    """Reads CloudEvents, one JSON document a line."""

    name = "jsonl"
    source = None
    describes = "CloudEvents in JSON Lines, one event a line, of any type Motif knows"

    def default_paths(self) -> list[Path]:
        """None: such files lie anywhere."""
        return []

    def files(self, path: Path) -> list[Path]:
        """The `.jsonl` and `.ndjson` files of a folder, or the file itself."""
        return files_under(path, (".jsonl", ".ndjson"))

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Event | Unreadable]:
        """Every line of every file: an event, or the refused bytes without their line end."""
        for path in files:
            for _, line in documents(path, report):
                document = line.rstrip(b"\r\n")
                try:
                    event = from_structured(document)
                    check_producer(event)
                    yield report.counted(event)
                except Refused as refused:
                    yield report.refused(document, refused.reason, refused.detail)
