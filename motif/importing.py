"""Importing files of a format: read, append, settle, and say what happened."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.contract import Configurable, Item, Options, Report, Source, Unreadable
from connectors.publisher import Publisher
from connectors.sources import by_name
from motif.engine import Engine, Progress
from motif.mirroring import Mirror
from motif.stating import Statements, numbered
from projections import queries
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.log import Log

NO_OPTIONS = Options()
"""What is read as it stands."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import read, appended and learned.

    `appended` counts records put in the log, `repeats` those of them that were known before,
    `conflicting` the repeats that say something else under the same id, `refused` lines and
    records that are no events, `forgotten` events that were left out as somebody was forgotten.
    `patterns` are the patterns there are now, `new_patterns` how many
    of them this import brought, both by kind. What is not `learned` yet is recorded all the same.
    """

    report: Report
    appended: int
    refused: int
    repeats: int
    conflicting: int
    patterns: Mapping[str, int]
    new_patterns: dict[str, int]
    learned: bool = True
    forgotten: int = 0


def import_files(
    engine: Engine, publisher: Publisher, reading: "Reading", statements: Statements
) -> Imported:
    """Import what is read into a node's log, and settle."""
    engine.settle()
    before = queries.status(engine.opened())
    published = publisher.publish(
        reading.into(statements), origin=reading.source.name, heed=engine.heed
    )
    engine.settle(reading.progress)
    after = queries.status(engine.opened())
    noted, now = _noted(before), _noted(after)
    return Imported(
        report=reading.report,
        appended=published.appended,
        refused=published.refused + now["refused"] - noted["refused"],
        repeats=now["repeats"] - noted["repeats"],
        conflicting=now["conflicting"] - noted["conflicting"],
        patterns=after.patterns,
        new_patterns=more(before.patterns, after.patterns),
        forgotten=published.forgotten,
    )


class Reading:
    """Files of a format being read: the items they hold, and a report that fills meanwhile."""

    def __init__(
        self,
        format_name: str,
        paths: Sequence[Path],
        progress: Progress | None = None,
        options: Options = NO_OPTIONS,
        beside: Path | None = None,
    ) -> None:
        """Find the files; they are read as items are drawn.

        A mirror remembers its files in `beside`, the folder of the node.

        Raises:
            WrongUse: no such format, one without these options, or nothing at a path.
        """
        self.source = source_of(format_name, options)
        self.options = options
        self.progress = progress
        self.report = Report()
        files = files_of(self.source, paths)
        self._mirror = Mirror(options, paths, files, beside)
        read = self.source.read(files, self.report)
        self.items = _told(read, self.report, len(files), progress)

    @property
    def states_for(self) -> str:
        """The source whose statements are numbered by what the log says."""
        return self.source.source or ""

    def into(
        self, statements: Statements, *, only_new: bool = False
    ) -> Iterator[Event | Unreadable]:
        """What to append to the log that holds these statements; perhaps only what is new."""
        yield from numbered(self.items, statements, only_new=only_new)
        yield from self._mirror.gone(statements, self.report)
        self.report.present.clear()  # It was for us, and may be long.

    def dry(self, log: Log | None = None) -> Imported:
        """Read everything and record nothing; what a mirror would delete is counted by the log."""
        refused = sum(isinstance(item, Unreadable) for item in self.items)
        if log is not None:
            statements = Statements(log, self.states_for)  # which nobody else will ask
            for _ in self._mirror.gone(statements, self.report, dry_run=True):
                continue
        self.report.present.clear()
        return Imported(self.report, 0, refused, 0, 0, {}, {})


def source_of(format_name: str, options: Options = NO_OPTIONS) -> Source:
    """The format of this name, with options.

    Raises:
        WrongUse: there is none, or it has no such options.
    """
    source = by_name(format_name)
    if options == NO_OPTIONS:
        return source
    if not isinstance(source, Configurable):
        message = f"{source.name} has no options: leave out --timezone and --mirror"
        raise WrongUse(message)
    return source.configured(options)


def more(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how much each number grew."""
    return {name: number - before.get(name, 0) for name, number in after.items()}


def files_of(source: Source, paths: Sequence[Path]) -> list[Path]:
    """The files to read; of the format's own places where no path is given.

    Raises:
        WrongUse: there are none.
    """
    places = list(paths) or source.default_paths()
    if not places:
        message = f"{source.name} has no place of its own on this machine; name a file or a folder"
        raise WrongUse(message)
    files = [file for place in places for file in source.files(place)]
    if not files:
        shown = ", ".join(str(place) for place in places)
        message = f"there is nothing to read as {source.name} in {shown}"
        raise WrongUse(message)
    return files


def _told(
    items: Iterator[Item], report: Report, files: int, progress: Progress | None
) -> Iterator[Item]:
    told = -1
    for item in items:
        if progress is not None and report.files != told:
            told = report.files
            progress("read", told, files)
        yield item


def _noted(status: queries.Status) -> Counter[str]:
    noted: Counter[str] = Counter()
    for reached in status.positions:
        noted["refused"] += reached.refused or 0
        noted["repeats"] += reached.repeats or 0
        noted["conflicting"] += reached.conflicting or 0
    return noted
