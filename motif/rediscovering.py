"""Discovering again and again: the same targets at a fixed time from each other, never two at once.

What stands in the way of a run, as a name that nobody knows for now, may pass: it is said once, and
tried again.
"""

from collections.abc import Iterator
from threading import Event as Signal
from typing import NamedTuple

from connectors.devices.pace import FRAGILE_TIMES, POLITE
from motif.discovering import Discovered, Told, Wanted, discover, known_to, planned
from motif.node import Node
from motif.watching import Trouble
from projections import device_sorts
from schemas.clock import monotonic_s
from schemas.errors import MotifError


class Round(NamedTuple):
    """One of many runs, and how many devices it found to have changed, by the kind of change."""

    found: Discovered
    changes: dict[str, int]


def rounds(
    node: Node, wanted: Wanted, every_s: float, stopping: Signal, told: Told | None = None
) -> Iterator[Round | Trouble]:
    """Discover until `stopping` is set, and learn each time before the next.

    The next run begins so many seconds after the last one began, or where that took longer, as
    soon as fragile devices were left in peace. Names are resolved anew, and what was learned
    meanwhile counts.
    """
    rest_s = 0.0 if wanted.unthrottled else FRAGILE_TIMES * POLITE.gap_s
    said: Round | Trouble | None = None
    while not stopping.is_set():
        began_s = monotonic_s()
        found = _round(node, wanted, told)
        if found != said:
            yield found
        said = found if isinstance(found, Trouble) else None
        stopping.wait(max(rest_s, every_s - (monotonic_s() - began_s)))


def _round(node: Node, wanted: Wanted, told: Told | None) -> Round | Trouble:
    try:
        found = discover(node.publish, planned(wanted), told, known_to(node))
    except MotifError as trouble:
        return Trouble(str(trouble))
    node.settle()
    return Round(found, node.ask(lambda store: device_sorts.changes(store, found.run_id)))
