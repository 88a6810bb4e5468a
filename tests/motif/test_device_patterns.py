"""Sorts of devices as patterns of a node: learned from probes, and led back to them."""

from pathlib import Path

import motif
from connectors.generate_probes import probes
from motif.node import Node
from motif.questions import examples_of
from projections.queries import Pattern
from schemas.devices import DeviceProbed
from streams.recognise.device import recognise


def test_every_sort_leads_back_to_the_probes_it_was_learned_from(tmp_path: Path) -> None:
    events = list(probes(5, 80))
    by_sort: dict[str, set[str]] = {}
    for event in events:
        assert isinstance(event.data, DeviceProbed)
        for change in recognise(event.data, event.time_us):
            by_sort.setdefault(":".join(change.pattern), set()).add(event.id)

    with motif.open(tmp_path) as node:
        node.publish(events)
        patterns = node.patterns(kind="device")
        found = {f"device:{one.signature}": event_ids(node, one) for one in patterns}
        assert node.verify() == []

    assert len(found) == 4
    assert {name.replace("%20", " "): ids for name, ids in found.items()} == by_sort
    assert all(one.occurrences for one in patterns)


def event_ids(node: Node, pattern: Pattern) -> set[str]:
    """The probes a pattern leads back to."""
    return {example.event_id for example in examples_of(node, pattern, 100)}
