"""Which class of differences a frame belongs to, of those that are known.

A reader differs in a field, or in that it reads what the other refuses. A difference of no class is
what tests and campaigns look for.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.fuzzing.classes import DIFFERENCES
from tests.fuzzing.frames import Case
from tests.fuzzing.readers import READERS, Facts, as_pycomm3

UNLISTED: Final = "of no known class"


class Found(NamedTuple):
    """A difference in one frame; `difference` is `UNLISTED` where it is of no class."""

    kind: str
    library: str
    difference: str
    field: str


def found_in(kind: str, case: Case) -> Iterator[Found | None]:
    """For each library what differs in a frame, None where nothing does."""
    read, libraries = READERS[kind]
    mine = read(case)
    for library, reader in libraries.items():
        told = as_pycomm3(mine) if library == "pycomm3" and mine is not None else mine
        theirs = reader(case)
        if told == theirs:
            yield None
            continue
        for field in _differing(told, theirs):
            yield Found(kind, library, _class(kind, library, field, case, told, theirs), field)


def _differing(mine: Facts | None, theirs: Facts | None) -> list[str]:
    if mine is None or theirs is None:
        return [""]
    return [name for name in mine | theirs if mine.get(name) != theirs.get(name)]


def _class(  # everything that a difference is known by
    kind: str, library: str, field: str, case: Case, mine: Facts | None, theirs: Facts | None
) -> str:
    for one in DIFFERENCES:
        if (
            kind in one.kinds
            and library in one.libraries
            and (field in one.fields if one.fields else not field)
            and one.holds(case, mine or {}, theirs or {})
        ):
            return one.name
    return UNLISTED
