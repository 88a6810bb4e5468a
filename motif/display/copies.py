"""What a copy of a log carried, and what about it deserves a remark."""

from rich.console import Group, RenderableType
from rich.text import Text

from motif.copying import Copied
from motif.display import words
from motif.display.table import number, table, text


def report(copied: Copied, place: str) -> RenderableType:
    """What was carried, and who the copy is."""
    counts = copied.counts
    rows = [
        ("events, with repeats", counts.events),
        ("records this version does not read", counts.others),
        ("refused records", counts.letters),
        ("decisions about them", counts.decisions),
        ("contributions of other logs", counts.contributions),
        ("contributions of the old log, retired", counts.retired),
        ("events forgotten", counts.forgotten),
        ("refused records forgotten", counts.letters_forgotten),
    ]
    shown = [
        (what, words.count(number)) for what, number in rows if number or "forgotten" not in what
    ]
    partitions = words.plural(copied.partitions, "partition")
    return Group(
        Text(f"Copied log {copied.copied.log_id} to {place}.", style="bold"),
        "",
        table([text("carried"), number("records")], shown),
        "",
        Text(
            f"The copy is log {copied.made.log_id} of the same site, with {partitions} a topic. "
            "It is learned when it is first used; the old log must not be used any more."
        ),
    )


def remarks(copied: Copied) -> list[str]:
    """Sentences on what may be learned otherwise than before."""
    ahead = copied.counts.ahead
    if not ahead:
        return []
    events = words.plural(ahead, "event")
    sentence = "recorded later than the clock says it is: what is undated or late may differ."
    return [f"{events} {'was' if ahead == 1 else 'were'} {sentence}"]
