"""Importing again and again, until somebody says that it is enough."""

from pathlib import Path
from threading import Event as Signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from motif.cli.learning import Wanted


def watched(
    wanted: "Wanted", every_s: float, *, label: str | None, data: Path | None, kafka: str | None
) -> None:
    """Tell a line for every time that something new was read; end quietly at Ctrl-C.

    What cannot be read for now is said once, and looked at again.
    """
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import say, stdout, warn
    from motif.display.imports import remarks
    from motif.display.words import plural
    from motif.watching import Trouble, Watch

    with opened(data, kafka, make=True, label=label) as node:
        watch = Watch(node, wanted.source.name, wanted.places, wanted.options)
        say(f"Watching {', '.join(map(str, wanted.places))}; Ctrl-C ends it.")
        try:
            for found in watch.looks(every_s, Signal()):
                if isinstance(found, Trouble):
                    warn(f"{found.sentence}. It is looked at again.")
                    continue
                if wanted.as_json:
                    print_json(found)
                else:
                    gone = found.report.gone
                    deleting = f", {plural(gone, 'deletion')} among them" if gone else ""
                    stdout().print(
                        f"Read {plural(found.report.lines, 'line')}, recorded "
                        f"{plural(found.appended, 'new event')}{deleting}."
                    )
                for sentence in remarks(found, dry_run=False, timezone=wanted.options.timezone):
                    warn(sentence)
        except KeyboardInterrupt:
            say("Ended.")
