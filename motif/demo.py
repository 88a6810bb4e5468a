"""The demo: generated sessions and runs learned from, fed again in another order, and the outcome.

Then a simulated plant is discovered twice. Nothing in it is staged but those: the events go the
way that one's own would go, and the numbers are read from the same tables.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

import motif
from connectors.generate import sessions
from connectors.generate_runs import workflow_runs
from connectors.logs import sqlite_file
from connectors.sources import by_name
from motif.demo_plant import Asked, discover_twice
from motif.display import words
from motif.display.console import Progress, progress, stdout
from motif.display.learned import tables_of
from motif.display.table import number, table, text
from motif.node import Node
from motif.questions import fingerprint
from schemas.clock import monotonic_s
from schemas.envelope import Event
from schemas.errors import MotifError, WrongUse

SEED = 7
SESSIONS = 60
RUNS = 300


class Fed(NamedTuple):
    """What feeding the sessions once more changed."""

    order: str
    events: int
    repeats: int
    patterns: int
    digest: str


def tell(data: Path | None) -> None:
    """Tell the whole story, in a temporary folder unless one is named.

    Raises:
        WrongUse: the folder holds a log already, which generated sessions must not get into.
        MotifError: a number moved, which must not be.
    """
    if data is not None and sqlite_file.exists(data):
        message = (
            f"{data} holds a log already; name a new folder, so that generated sessions stay apart"
        )
        raise WrongUse(message)
    began_s = monotonic_s()
    console = stdout()
    headline = "Motif learns from sessions of AI agents, runs of workflows and devices."
    console.print(Text(headline, style="bold"), soft_wrap=True)
    _say(
        console,
        f"These {SESSIONS} sessions and {RUNS} runs are generated (seed {SEED}): "
        "nothing in them happened, and the devices are simulated on this machine. "
        "Everything else is real: they take the way that your own would take.",
    )
    events = generated()
    with _folder(data) as folder, motif.open(folder, label="demo") as node:
        with progress() as tell_progress:
            fed = feed_thrice(node, events, tell_progress)
        for made in tables_of(node):
            _show(console, made)
        _show(console, _discoveries(discover_twice()))
        _show(console, _compared(fed))
    _verdict(console, fed, monotonic_s() - began_s)
    _say_what_next(console, data)


def generated() -> list[Event]:
    """The events of the demo, the same every time."""
    return [*sessions(SEED, SESSIONS), *workflow_runs(SEED, RUNS)]


def feed_thrice(node: Node, events: Sequence[Event], tell_progress: Progress | None) -> list[Fed]:
    """Feed all events as they happened, then twice more in another order each time."""
    fed: list[Fed] = []
    for order in ("as they happened", "shuffled", "shuffled again"):
        shuffled = list(events)
        if order != "as they happened":
            Random(f"{SEED}/{order}").shuffle(shuffled)
        node.publish(shuffled)
        node.settle(tell_progress)
        status = node.status()
        repeats = sum(one.repeats for one in status.partitions)
        patterns = sum(status.patterns.values())
        before = sum(one.repeats for one in fed)
        fed.append(Fed(order, len(events), repeats - before, patterns, fingerprint(node)))
    return fed


def _folder(data: Path | None) -> AbstractContextManager[str | Path]:
    return TemporaryDirectory(prefix="motif-demo-") if data is None else nullcontext(data)


def _show(console: Console, made: Table) -> None:
    console.print()
    console.print(made)


def _say(console: Console, sentence: str) -> None:
    console.print(Text(sentence), soft_wrap=not console.is_terminal)


def _compared(fed: Sequence[Fed]) -> Table:
    rows = [
        [
            one.order,
            words.count(one.events),
            words.count(one.repeats),
            words.count(one.patterns),
            one.digest[:16],
        ]
        for one in fed
    ]
    columns = [text("the same events"), *map(number, ("fed", "known already", "patterns"))]
    return table([*columns, text("digest of all numbers")], rows, title="Fed three times")


def _discoveries(asked: Sequence[Asked]) -> Table:
    """The same plant, first when nothing was known of it, then when its sorts were."""
    rows = [
        [
            name,
            words.count(one.devices),
            words.count(one.slow),
            words.count(one.fast),
            words.count(one.requests),
            words.count(one.connections),
            f"{one.seconds:.2f} s",
        ]
        for name, one in zip(("nothing known", "sorts known"), asked, strict=True)
    ]
    heads = ("probes", "slow path", "fast path", "requests", "connections", "took")
    columns = [text("a simulated plant"), *map(number, heads)]
    return table(columns, rows, title="Discovered twice, over real sockets")


def _verdict(console: Console, fed: Sequence[Fed], seconds: float) -> None:
    if len({(one.patterns, one.digest) for one in fed}) > 1:
        raise MotifError("a number moved when the same events were fed again; this must not be")
    console.print()
    records = sum(one.events for one in fed)
    console.print(
        Text(
            f"Not one number moved. {records:,} records in {seconds:.1f} s, on this machine alone.",
            style="bold green",
        )
    )


def _say_what_next(console: Console, data: Path | None) -> None:
    program = _program()
    console.print()
    own = by_name("claude-code").default_paths()
    files = sum(len(by_name("claude-code").files(place)) for place in own)
    if files:
        places = ", ".join(str(place) for place in own)
        console.print(
            Text(f"This machine has {words.plural(files, 'transcript')} in {places}.", style="bold")
        )
    console.print(Text("Your own sessions:", style="bold"))
    where = "" if data is None else f" --data {data}"
    lines = [
        (f"{program} import claude-code", "from ~/.claude/projects"),
        (f"{program} import --list", "the other formats"),
        (f"{program} patterns --kind tool_usage{where}", "which tool follows which"),
        (f"{program} show tool_usage:Read:Edit{where}", "one pattern with all its numbers"),
        (f"{program} discover HOST --networks HOST", "what your own devices are, by reading only"),
    ]
    wide = max(len(command) for command, _ in lines)
    for command, what in lines:
        line = Text(f"  {command:<{wide}}", style="cyan").append(f"  {what}", style="dim")
        console.print(line, soft_wrap=True)
    _say(console, "Nothing leaves your machine.")


def _program() -> str:
    """How this program is started here."""
    if shutil.which("motif"):
        return "motif"
    started = Path(sys.argv[0])
    return os.path.relpath(started) if started.name == "motif" and started.exists() else "motif"
