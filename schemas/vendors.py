"""Names of vendors of devices: one vendor states its name in several ways, by firmware and format.

`vendor_key` is the same for what is the same vendor, and is what names are compared by.
"""

import re
from functools import cache
from typing import Final

_ALIASES: Final = {
    "rockwell automation allen bradley": "Rockwell Automation",
    "rockwell automation": "Rockwell Automation",
    "allen bradley": "Rockwell Automation",
    "n tron corporation a red lion": "N-Tron",
    "n tron red lion": "N-Tron",
    "n tron": "N-Tron",
    "helix technology granville phillips": "Granville-Phillips",
    "granville phillips": "Granville-Phillips",
    "hardy process solutions": "Hardy Process Solutions",
    "hardy instruments": "Hardy Process Solutions",
    "pepperl fuchs comtrol": "Comtrol",
    "comtrol": "Comtrol",
    "huawei": "Huawei",
    "ishida": "Ishida",
    "itoh denki": "Itoh Denki",
    "kbr": "KBR",
    "moxa": "Moxa",
    "pilz": "Pilz",
    "schneider": "Schneider Electric",
    "schneider electric": "Schneider Electric",
    "merlin gerin": "Schneider Electric",
    "telemecanique": "Schneider Electric",
    "seiko epson": "Seiko Epson",
    "siemens": "Siemens",
    "wago": "WAGO",
    "weidmueller": "Weidmueller",
    "weidmüller": "Weidmueller",
}
"""Names of one vendor, as `_words_of` leaves them, and the name that people know it by."""

_LEGAL: Final = frozenset(
    {
        *("ag", "co", "company", "corp", "corporation", "gmbh", "group", "inc", "incorporated"),
        *("kg", "limited", "llc", "ltd", "plc", "sa", "se"),
    }
)
"""Words at the end of a name that say which form a company has."""

_words: Final = re.compile(r"[^\W_]+").findall


@cache
def vendor_key(name: str) -> str:
    """What is the same for all names of a vendor.

    >>> vendor_key("SEIKO EPSON CORPORATION") == vendor_key("Seiko Epson")
    True
    """
    words = _words_of(name)
    return _words_of(_ALIASES[words]) if words in _ALIASES else words


@cache
def vendor_name(name: str) -> str:
    """The name of a vendor that people know it by; one without an alias stays as it is.

    >>> vendor_name("HUAWEI"), vendor_name("Acme Controls")
    ('Huawei', 'Acme Controls')
    """
    return _ALIASES.get(_words_of(name), name)


def _words_of(name: str) -> str:
    words = _words(name.casefold())
    while len(words) > 1 and words[-1] in _LEGAL:
        words.pop()
    return " ".join(words)
