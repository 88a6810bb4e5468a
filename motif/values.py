"""How values of settings are read: functions of a text that raise `ValueError` for a wrong one."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from connectors.devices.targets import policy_of
from schemas.errors import WrongUse
from streams.operations import rules_of

PARTITIONS_MAX: Final = 1024
PORT_MAX: Final = 65_535
AMEND_DAYS_MAX: Final = 36_500
LABEL_MAX: Final = 64
"""Characters of a site's label."""

BOOTSTRAP: Final = "HOST:PORT, or several of them separated by commas"
"""What the addresses of a Kafka cluster look like."""

NAME_PREFIX: Final = "up to 100 letters, digits, '.', '_' and '-'"
"""What a prefix of names on Kafka looks like."""

AGE: Final = "a number of days, hours or weeks, such as 30d, 12h or 4w"
"""What an age looks like."""

_SPAN: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_SERVER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BROKER: Final = re.compile(r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


def label_of(text: str) -> str:
    """A label for people, without blanks around it.

    >>> label_of(" build farm ")
    'build farm'

    Raises:
        ValueError: it is empty, too long, or holds what cannot be printed.
    """
    label = text.strip()
    if not 1 <= len(label) <= LABEL_MAX or not label.isprintable():
        raise ValueError(text)
    return label


def folder_of(text: str) -> Path:
    """A folder, or a path where one can be made."""
    try:
        folder = Path(text).expanduser()
        usable = folder.is_dir() or not folder.exists()
    except (OSError, RuntimeError) as error:  # no such user's home, too long, not to be looked at
        raise ValueError(text) from error
    if not usable:
        raise ValueError(text)
    return folder


def servers_of(text: str) -> frozenset[str]:
    """Names of MCP servers, separated by commas."""
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not all(_SERVER.fullmatch(name) for name in names):
        raise ValueError(text)
    return names


def rules_in(text: str) -> str:
    """The text of a file of rules; empty for the word none, which gives up those of the log."""
    if text.strip().lower() == "none":
        return ""
    try:
        rules = Path(text).expanduser().read_text("utf-8")
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(text) from error
    rules_of(rules)  # says what is wrong with them
    return rules


def days_of(text: str) -> int:
    """A number of days, 0 for none at all."""
    if text.strip().lower() == "none":
        return 0
    return whole_of(AMEND_DAYS_MAX)(text)


def networks_of(text: str) -> tuple[str, ...]:
    """Networks that may be probed, separated by commas.

    >>> networks_of("10.1.0.0/16, 10.2.0.7")
    ('10.1.0.0/16', '10.2.0.7')
    """
    networks = tuple(one.strip() for one in text.split(",") if one.strip())
    try:
        policy_of(networks)
    except WrongUse as error:
        raise ValueError(text) from error
    return networks


def seconds_of(text: str, units: str = "smhdw") -> int:
    """A span of time in seconds, in one of some units.

    >>> seconds_of("10m")
    600

    Raises:
        ValueError: it is no such text.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or found[2] not in units:
        raise ValueError(text)
    return int(found[1]) * _SECONDS[found[2]]


def age_of(text: str) -> float:
    """An age in days.

    >>> age_of("12h"), age_of("4w")
    (0.5, 28.0)

    Raises:
        ValueError: it is no such text.
    """
    return seconds_of(text, "hdw") / _SECONDS["d"]


def keeping_of(text: str) -> float | None:
    """An age in days, at least a day; None where nothing is ever old."""
    if text.strip().lower() == "none":
        return None
    days = age_of(text)
    if days < 1:
        raise ValueError(text)
    return days


def partitions_of(text: str) -> int:
    """A number of partitions."""
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= PARTITIONS_MAX:
        raise ValueError(text)
    return int(text)


def bootstrap_of(text: str) -> str:
    """The addresses of a Kafka cluster, checked, without blanks.

    >>> bootstrap_of("one:9092, two:9092")
    'one:9092,two:9092'

    Raises:
        ValueError: one is not HOST:PORT.
    """
    brokers = [broker.strip() for broker in text.split(",")]
    for broker in brokers:
        found = _BROKER.fullmatch(broker)
        if found is None or not 1 <= int(found[2]) <= PORT_MAX:
            raise ValueError(text)
    return ",".join(brokers)


def prefix_of(text: str) -> str:
    """What stands before the names of a log on Kafka, checked.

    >>> prefix_of("farm.")
    'farm.'

    Raises:
        ValueError: it holds what no name of a topic may, or is empty or too long.
    """
    if not _PREFIX.fullmatch(text):
        raise ValueError(text)
    return text


def one_of(*names: str) -> Callable[[str], str]:
    """Reads one of these names, in whatever case."""

    def read(text: str) -> str:
        if text.upper() not in names:
            raise ValueError(text)
        return text.upper()

    return read


def file_of(text: str) -> Path:
    """A file that is there."""
    try:
        path = Path(text).expanduser()
        usable = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(text) from error
    if not usable:
        raise ValueError(text)
    return path


def whole_of(most: int) -> Callable[[str], int]:
    """Reads a whole number from 1 on."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return read


def switch_of(text: str) -> bool:
    """Whether something is on."""
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE
