"""The third part of a signature: which half of a system a text speaks of."""

from collections.abc import Collection
from typing import Final

BACKEND: Final = frozenset({"backend", "back-end", "server", "servers", "api", "apis"})
FRONTEND: Final = frozenset({"frontend", "front-end", "client", "clients", "ui"})

_ALL_OF: Final = frozenset({"tests", "code", "files"})
_BACK: Final = frozenset({"server", "backend"})
_FRONT: Final = frozenset({"client", "frontend"})


def target_of(words: Collection[str], template: Collection[str] = ()) -> str:
    """`both`, `backend`, `frontend` or `all`, by whole words; a template decides where they do not.

    "All" together with a half means that half: all backend tests are the backend's.

    >>> target_of(["run", "server", "tests"]), target_of(["both", "files"]), target_of(["suite"])
    ('backend', 'both', 'all')
    """
    backend, frontend = not BACKEND.isdisjoint(words), not FRONTEND.isdisjoint(words)
    if "both" in words or (backend and frontend):
        return "both"
    if backend:
        return "backend"
    if frontend:
        return "frontend"
    if "all" in words and not _ALL_OF.isdisjoint(words):
        return "all"
    if not _BACK.isdisjoint(template):
        return "backend"
    return "all" if _FRONT.isdisjoint(template) else "frontend"
