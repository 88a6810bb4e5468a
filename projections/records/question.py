"""A question about records: what somebody wants, as terms of the index and a range of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, TypedDict

from projections.records.entries import TYPES, span_term, term
from projections.records.times import moment, spans_of
from projections.records.words import query_of
from schemas.errors import WrongUse

TAGS_MAX: Final = 64
"""Tags to ask for at once, at most."""

SPANS_MAX: Final = 100
"""Spans that a range of time is cut to; a longer one is only compared."""

NEVER: Final = term("time", "never")
"""A term that no record has."""


class Wanted(TypedDict, total=False):
    """What records are looked for: all that is said must fit.

    Of a range of time the beginning is within and the end is not; a record without a time is in
    none. `text` is words that must all be found, in whatever order; in double quotes, a phrase.
    """

    type_name: str | None
    since: datetime | date | str | None
    until: datetime | date | str | None
    tags: Sequence[str]
    agent: str | None
    session: str | None
    project: str | None
    environment: str | None
    branch: str | None
    user: str | None
    outcome: str | None
    source: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What fits: exact values, words, and a range of time from `first_us` to before `end_us`."""

    terms: tuple[str, ...]
    words: str | None
    first_us: int | None
    end_us: int | None

    @property
    def match(self) -> str | None:
        """The query of the index, None where everything fits."""
        parts = [f'terms : "{one}"' for one in self.terms]
        if self.words is not None:
            parts.append(f"body : ({self.words})")
        return " AND ".join(parts) or None

    def within(self, earliest_us: int, latest_us: int) -> str | None:
        """The same, cut to the days that hold the range, of those between two times."""
        match = self.match
        if self.first_us is None or self.end_us is None:
            return match
        held = max(self.first_us, earliest_us), min(self.end_us, latest_us + 1)
        spans = list(islice(spans_of(*held), SPANS_MAX + 1))
        if len(spans) > SPANS_MAX:
            return match
        either = " OR ".join(f'"{span_term(span)}"' for span in spans) or f'"{NEVER}"'
        return f"terms : ({either})" + (f" AND {match}" if match else "")

    @property
    def during(self) -> str:
        """The condition on a row's time."""
        return "true" if self.first_us is None else "happened_us >= ? AND happened_us < ?"

    @property
    def range(self) -> tuple[int, ...]:
        """What is bound in it."""
        return () if self.first_us is None or self.end_us is None else (self.first_us, self.end_us)


_EXACT: Final = {
    "agent": "agent",
    "session": "session_id",
    "project": "project",
    "environment": "environment",
    "branch": "branch",
    "user": "user_id",
    "outcome": "outcome",
    "source": "source",
}
"""The field that is asked for by each name."""


def question_of(wanted: Wanted) -> Question:
    """What is looked for.

    Raises:
        WrongUse: something asked for cannot be meant.
    """
    unknown = set(wanted) - set(Wanted.__annotations__)
    if unknown:
        names = ", ".join(Wanted.__annotations__)
        raise WrongUse(f"records are not asked for by {', '.join(sorted(unknown))}; but by {names}")
    terms = []
    type_name = wanted.get("type_name")
    if type_name is not None:
        if type_name not in TYPES:
            message = f"there is no type {type_name!r}; it must be one of {', '.join(TYPES)}"
            raise WrongUse(message)
        terms.append(term("type", type_name))
    for name, field in _EXACT.items():
        value = wanted.get(name)
        if value is not None:
            terms.append(term(field, text_of(name, value)))
    named = wanted.get("tags") or ()
    if isinstance(named, str):
        raise WrongUse(f"tags is {named!r}; it must be a list of texts")
    tags = list(dict.fromkeys(named))
    if len(tags) > TAGS_MAX:
        raise WrongUse(f"{len(tags)} tags are asked for; it may be {TAGS_MAX} at once")
    terms += [term("tag", text_of("tag", tag)) for tag in tags]
    text = wanted.get("text")
    since, until = wanted.get("since"), wanted.get("until")
    ranged = since is not None or until is not None
    first_us = moment("since", since) if ranged else None
    end_us = moment("until", until) if ranged else None
    if first_us is not None and end_us is not None and first_us >= end_us:
        raise WrongUse(f"since is {since} and until {until}; until must come later")
    words = None if text is None else query_of(text_of("text", text))
    return Question(tuple(terms), words, first_us, end_us)


def text_of(name: str, value: Any) -> str:
    """A text that can be asked for: any in UTF-8.

    Raises:
        WrongUse: it is none.
    """
    if not isinstance(value, str):
        raise WrongUse(f"{name} is {value!r}; it must be a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise WrongUse(f"{name} is {value[:80]!r}; it must be text in UTF-8") from error
    return value
