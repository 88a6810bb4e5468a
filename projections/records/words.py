"""What a person types as words to search for, as a query that can mean nothing else.

FTS5 has a language of its own, in which a quote, a hyphen or the word OR may be an error or worse.
So every word is quoted, and all must be found; what stands in double quotes is a phrase.
"""

import re
from typing import Final

from schemas.errors import WrongUse

WORDS_MAX: Final = 64
"""Words and phrases of one query, at most."""

_PARTS: Final = re.compile(r'"([^"]*)"?|([^\s"]+)')


def query_of(text: str) -> str:
    """The query for a text.

    >>> query_of('disk "no space"')
    '"disk" AND "no space"'

    Raises:
        WrongUse: it has no word, or too many.
    """
    parts = [found[1] or found[2] or "" for found in _PARTS.finditer(text.replace("\0", " "))]
    parts = [part for part in parts if any(map(str.isalnum, part))]
    if not parts:
        raise WrongUse(f"text is {text[:80]!r}; it must hold a word to search for")
    if len(parts) > WORDS_MAX:
        raise WrongUse(f"text has {len(parts)} words; it may have {WORDS_MAX}")
    return " AND ".join(f'"{part}"' for part in parts)
