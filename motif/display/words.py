"""Numbers as people read them: short, with their unit, and a hyphen for what is not known."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from streams.versions import ranked

UNKNOWN: Final = "-"
"""What stands where nothing is known: never a zero."""

BARS: Final = "▁▂▃▄▅▆▇█"

_UNITS: Final = (
    (1, "µs"),
    (1_000, "ms"),
    (1_000_000, "s"),
    (60_000_000, "min"),
    (3_600_000_000, "h"),
    (86_400_000_000, "d"),
)
_TEN: Final = 10
_KILO: Final = 1024


def safe(text: str) -> str:
    r"""A text from outside with nothing in it that a terminal would obey.

    >>> safe("a\x1b[31mb\nc")
    'a\\x1b[31mb\\nc'
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "replace").decode("ascii")
        for one in text
    )


def count(number: float | None) -> str:
    """A whole number with commas.

    >>> count(1234567), count(None)
    ('1,234,567', '-')
    """
    return UNKNOWN if number is None else f"{number:,.0f}"


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> plural(1, "file"), plural(2, "file"), plural(2, "reply", "replies")
    ('1 file', '2 files', '2 replies')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def large(number: float | None) -> str:
    """A number that may be huge, in three digits.

    >>> large(950), large(65_493), large(316_934_226)
    ('950', '65.5k', '317M')
    """
    if number is None:
        return UNKNOWN
    value, suffix = float(number), ""
    for larger in ("k", "M", "G", "T"):
        if abs(value) < 999.5:  # noqa: PLR2004  # what would round up to 1,000
            break
        value, suffix = value / 1000, larger
    return f"{_digits(value)}{suffix}"


def percent(share: float | None) -> str:
    """A share in whole percent, with a decimal where that is needed to tell it from none or all.

    >>> percent(0.4821), percent(0.004), percent(0.9996), percent(0.0), percent(1.0)
    ('48 %', '0.4 %', '99.9 %', '0 %', '100 %')
    """
    if share is None:
        return UNKNOWN
    hundred = 100 * share
    if 0 < hundred < 1:
        return f"{max(hundred, 0.1):.1f} %"
    if 99 < hundred < 100:  # noqa: PLR2004  # almost all is not all
        return f"{min(hundred, 99.9):.1f} %"
    return f"{hundred:.0f} %"


def interval(low: float | None, high: float | None) -> str:
    """An interval of shares, in percent.

    >>> interval(0.4012, 0.557)
    '40-56 %'
    """
    if low is None or high is None:
        return ""
    return f"{100 * low:.0f}-{100 * high:.0f} %"


def rate(share: float | None, low: float | None, high: float | None) -> str:
    """A share with its interval.

    >>> rate(0.5, 0.25, 0.75), rate(None, None, None)
    ('50 % (25-75 %)', '-')
    """
    between = interval(low, high)
    return f"{percent(share)} ({between})" if between else percent(share)


_LEAST_US: Final = 0.1
"""Below it a duration is not told apart."""


def duration(microseconds: float | None) -> str:
    """A duration in the unit that fits it.

    >>> duration(950), duration(48_200), duration(2_700_000), duration(78_000_000)
    ('950 µs', '48.2 ms', '2.7 s', '1.3 min')
    >>> duration(5 * 3_600_000_000), duration(0), duration(None)
    ('5 h', '0 s', '-')
    """
    if microseconds is None:
        return UNKNOWN
    if not microseconds:
        return "0 s"
    size, (unit_us, name) = abs(microseconds), _UNITS[0]
    if size < _LEAST_US:
        return f"<{_LEAST_US} {name}"
    for larger_us, larger in _UNITS[1:]:
        if size < 0.9995 * larger_us:
            break
        unit_us, name = larger_us, larger
    return f"{_digits(microseconds / unit_us)} {name}"


def dollars(amount: float | None) -> str:
    """US dollars, with as many digits as a small amount needs.

    >>> dollars(1234.5), dollars(0.5), dollars(0.0123), dollars(0)
    ('$1,234.50', '$0.50', '$0.012', '$0')
    """
    if amount is None:
        return UNKNOWN
    value = float(amount)
    if value == 0:
        return "$0"
    if abs(value) >= 1:
        return f"${value:,.2f}"
    if abs(value) < 0.0001:  # noqa: PLR2004
        return f"${value:.1e}"
    whole, _, cents = f"{value:.2g}".partition(".")
    return f"${whole}.{cents:0<2}"


def amount(value: float | None, unit: str) -> str:
    """An amount of a measure, by its unit.

    A revision is what stands behind its first number.

    >>> amount(2_700_000, "us"), amount(0.25, "usd"), amount(1234.56, "tokens")
    ('2.7 s', '$0.25', '1.23k')
    >>> amount(100_000_000_000, "revision")
    '.10'
    """
    if unit == "us":
        return duration(value)
    if unit == "usd":
        return dollars(value)
    if unit == "revision":
        return UNKNOWN if value is None else f".{ranked(int(value))}"
    return large(value)


def size(count_of_bytes: int) -> str:
    """A size in bytes.

    >>> size(900), size(17_400_000)
    ('900 B', '16.6 MB')
    """
    value, unit = float(count_of_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < _KILO:
            break
        value, unit = value / _KILO, larger
    return f"{count_of_bytes} B" if unit == "B" else f"{value:.1f} {unit}"


def minute_of(moment: datetime | None) -> str:
    """A moment to the minute, UTC."""
    return UNKNOWN if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def bars(numbers: Sequence[int]) -> str:
    """Small bars, one a number; a blank for zero.

    >>> bars([0, 1, 4, 8])
    ' ▁▄█'
    """
    top = max(numbers, default=0)
    if not top:
        return " " * len(numbers)
    return "".join(BARS[-(-8 * one // top) - 1] if one else " " for one in numbers)


def _digits(value: float) -> str:
    """Three digits at most before and behind the point, without needless zeros."""
    size = abs(value)
    if 0 < size < 0.995:  # noqa: PLR2004  # what would round up to one
        return f"{value:.2g}"
    if size >= 99.95:  # noqa: PLR2004  # three digits before the point
        return f"{value:.0f}"
    text = f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"  # noqa: PLR2004
    if size >= _TEN or "." in text:
        text = text.rstrip("0").rstrip(".")
    return text
