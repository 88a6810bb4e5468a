"""What a source is: something outside that can be read again and again as the same events.

A source turns files into events of `schemas.events`. Three things go wrong easily:

* **An id is a natural key.** It comes from what the file says (a call's own id, a line's content),
  never from a path, a position in the import, a clock or a counter over files. Reading a file
  under another name, a longer version of it, or ten overlapping copies gives the same ids.
* **One id, one content.** Whatever a source states about an id must be a function of what can no
  longer change when the file grows. What does change carries a greater `revision` and therefore
  another id. `source` is a constant of the format: a path in it would make two copies two facts.
* **Foreign data is full of surprises.** A line that is no JSON, a number where a list should be,
  a time that is none: each is counted in the report, none ends the import. Only the `jsonl` format
  hands back refused bytes (`Unreadable`), since there the line itself claims to be an event.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from schemas.envelope import Event

NAMES_MAX = 100
"""Different unknown line types a report keeps apart; further ones count under `OTHER_NAMES`."""

NAME_LENGTH_MAX = 64
"""Characters kept of the name of an unknown line type."""

OTHER_NAMES = "(others)"
"""Where unknown line types beyond the limit are counted."""


class Unreadable(NamedTuple):
    """A line that claims to be an event and is none: its bytes for `dead.letters`, and why."""

    value: bytes
    reason: str
    detail: str


class Unnumbered(NamedTuple):
    """A statement about an amendable thing whose place among the statements the log decides.

    The event's id is the thing's name, and it has no revision. The log is asked for one: what was
    said of this thing before, in the same words, is that statement again; anything else is the
    next one. Where the source says when it last changed the thing, that time is the event's
    revision already, and stands unless something else was said at the same time.
    """

    event: Event


Item = Event | Unreadable | Unnumbered
"""What a source gives."""

LABEL = "importlabel"
"""Extension attribute: the label under which a thing was imported."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says about what is read.

    `label` names the database or folder, where things in it have no name but a number of their own;
    `timezone` is that of times without an offset, a name of the IANA database. With `mirror` what
    was imported under the label and is gone from the source counts as deleted.
    """

    label: str | None = None
    timezone: str = "UTC"
    mirror: bool = False


FAULTS_MAX = 10_000
"""Files and lines that a report names one by one; of further ones it only has the number."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that could not be read, or a line of it, counted from 1.

    `reason` goes on with the sentence that the file begins: "is no JSON".
    """

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        """The whole sentence, without its full stop."""
        where = "" if self.line is None else f", line {self.line:,},"
        return f"{self.file}{where} {self.reason}"


@dataclass(slots=True)
class Report:
    """What an import has met; a source counts into it while it reads.

    `broken` are lines with something unreadable in them, which may still have given events, and
    files that are none of the format; `faults` name them and the files that are unreadable;
    `unfinished` are last lines without a newline, left for the next import; `nested_calls` are
    tool calls of subagents, `orphan_results` results whose call the file does not hold, and
    `unreadable_files` files the system would not open, or not read to their end. `unreadable` were
    handed back as such. `unfinished_runs` are left for an import when they have ended,
    `busy_files` are those of the unreadable ones that somebody else writes just now,
    `assumed_times` had no offset and were read in the time zone that was asked for, and `present`
    names all things that a mirrored source holds. `gone` are things recorded as deleted, as a
    mirrored source does not hold them any more; `unmirrored` says why nothing was, and `overlooks`
    that things whose events were pruned are not among them.
    """

    files: int = 0
    lines: int = 0
    sessions: int = 0
    events: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    unfinished: int = 0
    nested_calls: int = 0
    orphan_results: int = 0
    unreadable: int = 0
    unreadable_files: int = 0
    unfinished_runs: int = 0
    assumed_times: int = 0
    present: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    busy_files: int = 0
    gone: int = 0
    unmirrored: str | None = None
    overlooks: bool = False

    def counted(self, event: Event) -> Event:
        """The event itself, counted by its type."""
        self.events[event.type] += 1
        return event

    def refused(self, value: bytes, reason: str, detail: str) -> Unreadable:
        """A line to be handed back byte for byte, counted."""
        self.unreadable += 1
        return Unreadable(value, reason, detail)

    def broke(self, path: Path, reason: str, line: int | None = None) -> None:
        """Count a line or a file that holds something unreadable, and say what."""
        self.broken += 1
        self._fault(path, reason, line)

    def cannot_read(self, path: Path, reason: str, *, busy: bool = False) -> None:
        """Count a file that cannot be read, or not to its end, and say why.

        It is `busy` where another time it can be read.
        """
        self.unreadable_files += 1
        self.busy_files += busy
        self._fault(path, reason, None)

    def _fault(self, path: Path, reason: str, line: int | None) -> None:
        if len(self.faults) < FAULTS_MAX:
            # A name may be no text, and a report is written as such.
            file = str(path).encode("utf-8", "backslashreplace").decode()
            self.faults.append(Fault(file, line, reason))

    def unknown_line(self, name: object) -> None:
        """Count a line of a type this version does not know, under its name cut short."""
        text = name[:NAME_LENGTH_MAX] if isinstance(name, str) else f"({type(name).__name__})"
        if text not in self.unknown and len(self.unknown) >= NAMES_MAX:
            text = OTHER_NAMES
        self.unknown[text] += 1


class Source(Protocol):
    """A format that can be imported; small, stateless, and safe to read twice.

    `read` is a generator: nothing is opened before the first event is asked for, and it holds no
    more than one file's state. The same files give the same events in the same order. Files may be
    given in any order and may overlap: the events repeat then, and the log's learner knows them.
    """

    @property
    def name(self) -> str:
        """What the user types: `motif import <name>`."""

    @property
    def source(self) -> str | None:
        """The CloudEvents source of its events; None where every event states its own."""

    @property
    def describes(self) -> str:
        """One sentence for `motif import --list`."""

    def default_paths(self) -> list[Path]:
        """Where this machine's own data would be; empty where there is no such place."""

    def files(self, path: Path) -> list[Path]:
        """The files of a file or of a folder, recursively, sorted.

        Raises:
            WrongUse: there is nothing at this path.
        """

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Item]:
        """The events of all these files, file by file, counted in the report.

        Raises:
            MotifError: a file as a whole is not what it must be, in a sentence that names it.
        """


@runtime_checkable
class Configurable(Protocol):
    """A source that can be told more about what it reads."""

    def configured(self, options: Options) -> Source:
        """The source with these options.

        Raises:
            WrongUse: it cannot do with them what they ask for.
        """
