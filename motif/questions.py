"""Questions of the front door that the node has no method for, asked of its settled projection."""

from collections.abc import Sequence

from motif.asking import Asking
from projections import overview
from projections.examples import Example, examples
from projections.overview import Lift
from projections.queries import Measure, Pattern


def measures_of(node: Asking, pattern_ids: Sequence[str]) -> dict[str, dict[str, Measure]]:
    """The measures of these patterns, by pattern and by the measure's name."""
    return node.ask(lambda store: overview.measures_of(store, pattern_ids))


def tool_lifts(node: Asking, limit: int) -> list[Lift]:
    """The most frequent transitions between tools, with their lift."""
    return node.ask(lambda store: overview.tool_lifts(store, limit))


def lift_of(node: Asking, pattern_id: str) -> Lift | None:
    """The lift of a pattern that is a transition between tools."""
    return node.ask(lambda store: overview.lifts_of(store, [pattern_id])).get(pattern_id)


def examples_of(node: Asking, pattern: Pattern, limit: int = 3) -> list[Example]:
    """Where a pattern happened here lately."""
    return node.ask(lambda store: examples(store, pattern, limit))


def fingerprint(node: Asking) -> str:
    """A digest of every number of every pattern; equal digests mean that not one differs."""
    return node.ask(overview.fingerprint)
