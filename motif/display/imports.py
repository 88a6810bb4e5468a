"""What an import read, recorded and learned, and what about it deserves a remark."""

from rich.console import Group, RenderableType
from rich.text import Text

from motif.display import words
from motif.display.table import number, table, text
from motif.importing import Imported

_UNKNOWN_SHOWN = 5
_FAULTS_SHOWN = 10


def report(name: str, imported: Imported, seconds: float, *, dry_run: bool) -> RenderableType:
    """What was read, and what that changed."""
    read = imported.report
    sessions = f" of {words.plural(read.sessions, 'session')}" if read.sessions else ""
    parts: list[RenderableType] = [
        Text(
            f"Read {words.plural(read.files, f'{name} file')}, "
            f"{words.plural(read.lines, 'line')}{sessions} in {seconds:.1f} s.",
            style="bold",
        )
    ]
    if read.events:
        parts += ["", _events(imported)]
    parts += ["", Text(_recorded(imported, dry_run=dry_run), style="bold")]
    if imported.patterns:
        parts += ["", _patterns(imported)]
    return Group(*parts)


def remarks(imported: Imported, *, dry_run: bool, timezone: str = "UTC") -> list[str]:
    """Sentences on what was not read, or not as it might be expected."""
    read = imported.report
    said = []
    if read.unknown:
        names = [f"{name!r} {times:,} times" for name, times in read.unknown.most_common()]
        more = ", ..." if len(names) > _UNKNOWN_SHOWN else ""
        listed = ", ".join(names[:_UNKNOWN_SHOWN])
        said.append(f"line types this version does not know were left out: {listed}{more}.")
    said += [f"{words.safe(str(fault))}." for fault in read.faults[:_FAULTS_SHOWN]]
    unshown = read.broken + read.unreadable_files - _FAULTS_SHOWN
    if unshown > 0:
        said.append(
            f"and {words.plural(unshown, 'more file or line', 'more files or lines')} "
            "could not be read as they are; --json names them."
        )
    said += _remarks_of_mirror(imported, dry_run=dry_run)
    if read.unfinished_runs:
        runs = words.plural(read.unfinished_runs, "run")
        sentence = f"{runs} that have not ended were left for a later import."
        said.append(_agreeing(read.unfinished_runs, sentence))
    if read.assumed_times:
        times = words.plural(read.assumed_times, "time")
        said.append(f"{times} without an offset: read in the time zone {timezone}.")
    if read.nested_calls:
        calls = words.plural(read.nested_calls, "tool call")
        sentence = f"{calls} of subagents were not imported: they belong to another agent."
        said.append(_agreeing(read.nested_calls, sentence))
    if read.orphan_results:
        results = words.plural(read.orphan_results, "result")
        sentence = f"{results} had no call in the same file and were left out."
        said.append(_agreeing(read.orphan_results, sentence))
    if read.unfinished:
        lines = words.plural(read.unfinished, "last line")
        sentence = f"{lines} without an end were left for the next import."
        said.append(_agreeing(read.unfinished, sentence))
    return said + _remarks_of_log(imported, dry_run=dry_run)


def _remarks_of_mirror(imported: Imported, *, dry_run: bool) -> list[str]:
    """What became of things that the source does not hold any more."""
    read, said = imported.report, []
    if read.unmirrored:
        said.append(f"nothing was deleted by the mirror: {words.safe(read.unmirrored)}.")
    if read.overlooks:
        said.append(
            "the mirror does not look for runs whose events were pruned: nobody knows their label."
        )
    if read.gone:
        runs = words.plural(read.gone, "run")
        deleted = "would be deleted" if dry_run else "were deleted"
        sentence = f"{runs} of this label that are gone from the database {deleted}"
        said.append(f"{_agreeing(read.gone, sentence)}; a label stands for one database.")
    return said


def _remarks_of_log(imported: Imported, *, dry_run: bool) -> list[str]:
    """What the log did not take as it was read."""
    said = []
    if imported.refused:
        lines = words.plural(imported.refused, "line")
        kept = "" if dry_run else "; 'motif dead-letters list' says why"
        said.append(_agreeing(imported.refused, f"{lines} were refused{kept}."))
    if imported.forgotten:
        events = words.plural(imported.forgotten, "event")
        sentence = f"{events} were left out: they are of somebody who was forgotten."
        said.append(_agreeing(imported.forgotten, sentence))
    if imported.conflicting:
        repeats = words.plural(imported.conflicting, "repeat")
        said.append(f"{repeats} said something else than what was recorded first, which counts.")
    return said


def _agreeing(number: int, sentence: str) -> str:
    """The sentence about several things, or about one."""
    if number != 1:
        return sentence
    return (
        sentence.replace(" were ", " was ")
        .replace(" that are gone ", " that is gone ")
        .replace("they belong ", "it belongs ")
        .replace("they are ", "it is ")
    )


def _events(imported: Imported) -> RenderableType:
    rows = [
        (name.removeprefix("motif.").rpartition(".v")[0].replace(".", " "), words.count(times))
        for name, times in imported.report.events.most_common()
    ]
    return table([text("events"), number("read")], rows)


def _recorded(imported: Imported, *, dry_run: bool) -> str:
    if dry_run:
        return "Nothing was recorded: this was a dry run."
    fresh = imported.appended - imported.repeats
    if not imported.learned:
        return f"Recorded {words.plural(imported.appended, 'event')}, which are not learned yet."
    if not imported.appended:
        return "No events were recorded."
    if fresh <= 0:
        return f"Nothing new: all {imported.appended:,} events were known already."
    known = f", {imported.repeats:,} known already" if imported.repeats else ""
    return f"Recorded {words.plural(imported.appended, 'event')}: {fresh:,} new{known}."


def _patterns(imported: Imported) -> RenderableType:
    rows = [
        (kind, words.count(held), words.count(imported.new_patterns.get(kind, 0)))
        for kind, held in imported.patterns.items()
    ]
    return table([text("patterns by kind"), number("learned"), number("new")], rows)
