"""The recognisers: from events, and from what is found in sessions, to changes of patterns.

One file a kind; each states its `KIND` and has pure functions that return changes. A new kind is a
file here and a line in `KINDS`.
"""

from streams.recognise import (
    agent_usage,
    correction,
    device,
    error,
    error_recovery,
    model,
    operation,
    task,
    task_sequence,
    tool,
    tool_usage,
)
from streams.recognise.kind import Kind

RULES_VERSION = 6
"""Rises whenever the output of any recogniser changes: a new epoch, learned again from the log.

`tests/golden/recognised.json` holds the output for a fixed input, and a test compares.
"""

KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (
        model,
        tool,
        tool_usage,
        error_recovery,
        task_sequence,
        task,
        error,
        agent_usage,
        correction,
        operation,
        device,
    )
}
"""Every kind, by its name."""

AMENDED_KINDS = frozenset(
    module.KIND.name for module in (model, error, agent_usage, correction, operation)
)
"""Kinds whose every occurrence is the current statement of an amendable event."""

MIXED_KINDS = frozenset({task.KIND.name})
"""Kinds of which some occurrences are current statements, and others facts that none amends.

Every event gives one occurrence of one pattern.
"""

__all__ = ["AMENDED_KINDS", "KINDS", "MIXED_KINDS", "RULES_VERSION", "Kind"]
