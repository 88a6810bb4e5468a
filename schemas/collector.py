"""Keeping Python's cycle collector away from work that makes many objects and no cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_inside = 0
_was_enabled = False


@contextmanager
def uncollected() -> Iterator[None]:
    """Switch the collector off within the block; it comes back with the last block that ends.

    A batch of a hundred thousand records would otherwise be searched for cycles again and again,
    which costs up to a third of the time and finds nothing.
    """
    global _inside, _was_enabled  # noqa: PLW0603  # The collector is one for the whole process.
    with _lock:
        if not _inside:
            _was_enabled = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _was_enabled:
                gc.enable()
