"""Named tuples made quickly, on the paths of every event."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

Tuple = TypeVar("Tuple", bound=tuple[Any, ...])


def maker(kind: type[Tuple]) -> Callable[[tuple[Any, ...]], Tuple]:
    """What makes a named tuple of the values of all its fields, in a third of the time.

    >>> from schemas.log import Outgoing
    >>> maker(Outgoing)(("agent.events", 0, None, b"{}", ())).topic
    'agent.events'
    """
    return partial(tuple.__new__, kind)
