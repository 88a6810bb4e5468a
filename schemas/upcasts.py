"""How the facts of older versions are read today: one small function a step.

An upcast takes the `data` of the old version and returns that of the next one. It is pure, and the
bytes it was written for stand in a golden file that is never edited.
"""

from collections.abc import Callable, Mapping
from typing import Any

Data = dict[str, Any]
"""The `data` of an event as JSON made it."""

Upcast = Callable[[Data], Data]
"""From one version's data to the next one's."""


def task_completed_v0_v1(data: Data) -> Data:
    """Version 0 counted in milliseconds, as the first recorders of task completions did."""
    newer = {name: value for name, value in data.items() if name != "duration_ms"}
    milliseconds = data.get("duration_ms")
    if isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool):
        newer["duration_us"] = round(milliseconds * 1_000)
    elif milliseconds is not None:
        newer["duration_us"] = milliseconds  # which validation refuses, and says why
    return newer


UPCASTS: Mapping[str, tuple[str, Upcast]] = {
    "motif.task.completed.v0": ("motif.task.completed.v1", task_completed_v0_v1),
}
"""Old type -> (next type, how to get there)."""


def upcast(type_name: str, data: Data) -> tuple[str, Data]:
    """Lift data through every step there is; unchanged where there is none.

    >>> upcast("motif.task.completed.v0", {"duration_ms": 2.5})
    ('motif.task.completed.v1', {'duration_us': 2500})
    """
    while type_name in UPCASTS:
        type_name, step = UPCASTS[type_name]
        data = step(data)
    return type_name, data
