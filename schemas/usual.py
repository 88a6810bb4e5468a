"""The short way to read a record in binary mode, for what is written as we write it ourselves.

Names of headers come in few orders, so where each attribute stands is worked out once for each.
Whatever is unusual is left to the long way, which also says what is wrong with it.
"""

from collections.abc import Callable, Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final

from schemas.cloudevent import NO_EXTENSIONS, SIZE_MAX, Event, may_extend, revision_of, text_of
from schemas.errors import Refused
from schemas.fact import Payload
from schemas.log import Headers
from schemas.payloads import READERS
from schemas.times import moment_us

JSON_CONTENT: Final = b"application/json"

RECORDED: Final = "ce_recordedtime"
"""Header that says when a record was first appended to a log, where that was another log."""

_NEEDED: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type", "content-type")
_OPTIONAL: Final = ("ce_time", "ce_subject", "ce_revision", RECORDED)
_HEADERS_MAX: Final = 16
_LAYOUTS_MAX: Final = 256

_Readers = Mapping[bytes, Callable[[bytes], Payload]]
_READERS: Final[_Readers] = {name.encode(): reader for name, reader in READERS.items()}
_TWIN_READERS: Final[_Readers] = {name.encode(): reader.twin for name, reader in READERS.items()}

_Layout = tuple[Callable[[tuple[Any, ...]], tuple[Any, ...]], tuple[tuple[str, int], ...]]
"""Picks the attributes out of the contents of headers; extensions with the places they stand at."""

_layouts: Final[dict[tuple[str, ...], _Layout]] = {}


class _Revisions(dict[bytes, int]):
    """The numbers of revisions by their digits: those that are met at all times, and any other."""

    def __missing__(self, digits: bytes) -> int:
        return revision_of(digits.decode())


_REVISIONS: Final = _Revisions({b"%d" % number: number for number in range(256)})


def usual_event(headers: Headers, value: bytes, *, twins: bool = False) -> Event | None:
    """The event of headers and value in binary mode; None where that takes the long way.

    With `twins` its data may be a twin (`schemas.quick`), which is read sooner.

    Raises:
        Refused: an attribute is wrong, or the payload does not validate.
    """
    if not headers:
        return None
    names, contents = _columns(headers)
    layout = _layouts.get(names) or _layout_of(names)
    if layout is None:
        return None
    pick, extending = layout
    version, identity, source, kind, content_type, time, subject, revision, recorded = pick(
        (*contents, None)
    )
    reader = (_TWIN_READERS if twins else _READERS).get(kind)
    if (
        reader is None
        or not identity
        or not source
        or content_type != JSON_CONTENT
        or version != b"1.0"
        or len(value) + len(identity) + len(source) + len(subject or b"") > SIZE_MAX
        or (extending and sum(map(len, contents)) > SIZE_MAX)
    ):
        return None
    try:
        return Event(
            source.decode(),
            identity.decode(),
            reader(value),
            None if time is None else moment_us(time),
            None if subject is None else subject.decode() or text_of("subject", ""),
            None if revision is None else _REVISIONS[revision],
            None if recorded is None else moment_us(recorded),
            _extensions(extending, contents) if extending else NO_EXTENSIONS,
        )
    except UnicodeDecodeError:
        return None  # the long way says which header it was
    except Refused:
        if extending:
            return None  # the long way looks at all headers first
        raise


def _columns(headers: Headers) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """The names and the contents, soonest for as many headers as most records have."""
    count = len(headers)
    if count == 6:  # noqa: PLR2004  an event with its time
        (a, i), (b, j), (c, k), (d, m), (e, n), (f, o) = headers
        return (a, b, c, d, e, f), (i, j, k, m, n, o)
    if count == 8:  # noqa: PLR2004  a statement with its time
        (a, i), (b, j), (c, k), (d, m), (e, n), (f, o), (g, p), (h, q) = headers
        return (a, b, c, d, e, f, g, h), (i, j, k, m, n, o, p, q)
    return tuple([name for name, _ in headers]), tuple([content for _, content in headers])


def _extensions(
    extending: tuple[tuple[str, int], ...], contents: tuple[bytes, ...]
) -> Mapping[str, str | int | bool]:
    return MappingProxyType({name: contents[at].decode() for name, at in extending})


def _layout_of(names: tuple[str, ...]) -> _Layout | None:
    """Where the attributes stand among headers of these names; None where one is unusual."""
    places = {name: at for at, name in enumerate(names)}
    if not len(places) == len(names) <= _HEADERS_MAX or not places.keys() >= set(_NEEDED):
        return None
    others = [name for name in names if name not in _NEEDED and name not in _OPTIONAL]
    if not all(name[:3] == "ce_" and may_extend(name[3:]) for name in others):
        return None
    absent = len(names)  # where None stands
    pick = itemgetter(*(places.get(name, absent) for name in (*_NEEDED, *_OPTIONAL)))
    layout = pick, tuple((name[3:], places[name]) for name in others)
    if len(_layouts) < _LAYOUTS_MAX:
        _layouts[names] = layout
    return layout
