"""Motif learns recurring patterns from what devices, workflows and AI agents actually did.

with motif.open("folder") as node:
    node.publish(event)
    node.patterns(kind="tool_usage")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motif.node import Node
    from motif.opening import open_node as open  # noqa: A004  # As in `motif.open`.
    from motif.pattern_manager import PatternManager, discover_devices_with_patterns
    from motif.pattern_storage import PatternStorage
    from motif.records import (
        PatternSchema,
        PatternType,
        validate_agent_usage,
        validate_context,
        validate_error_occurrence,
        validate_pattern,
        validate_task_completion,
        validate_user_correction,
    )
    from motif.upkeep import Upkeep
    from schemas.envelope import Event

__all__ = [
    "Event",
    "Node",
    "PatternManager",
    "PatternSchema",
    "PatternStorage",
    "PatternType",
    "Upkeep",
    "__version__",
    "discover_devices_with_patterns",
    "open",
    "validate_agent_usage",
    "validate_context",
    "validate_error_occurrence",
    "validate_pattern",
    "validate_task_completion",
    "validate_user_correction",
]

__version__ = "0.1.0"

_WHERE = {
    "open": ("motif.opening", "open_node"),
    "Node": ("motif.node", "Node"),
    "Event": ("schemas.envelope", "Event"),
    "Upkeep": ("motif.upkeep", "Upkeep"),
    "PatternManager": ("motif.pattern_manager", "PatternManager"),
    "discover_devices_with_patterns": (
        "motif.pattern_manager",
        "discover_devices_with_patterns",
    ),
    "PatternStorage": ("motif.pattern_storage", "PatternStorage"),
    **{
        name: ("motif.records", name)
        for name in __all__
        if name in {"PatternSchema", "PatternType"} or name.startswith("validate_")
    },
}


def __getattr__(name: str) -> Any:
    """Import on first use: `motif --help` needs none of the libraries behind a node."""
    from importlib import import_module

    if name not in _WHERE:
        message = f"module 'motif' has no attribute {name!r}"
        raise AttributeError(message)
    module, attribute = _WHERE[name]
    return getattr(import_module(module), attribute)
