"""How numbers and patterns look: exact enough, and never something a terminal would obey."""

import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from connectors.contract import Report
from motif.display import words
from motif.display.imports import remarks
from motif.display.patterns import measured
from motif.display.standing import shown
from motif.display.table import number, table, text
from motif.importing import Imported
from motif.standing import Learned, ProjectorStatus, Standing
from projections.queries import Measure
from schemas.topics import AGENT_EVENTS
from streams.identity import Identity


def rendered(renderable: object, width: int) -> list[str]:
    """The lines of a renderable at a width."""
    file = io.StringIO()
    Console(file=file, width=width).print(renderable)
    return file.getvalue().splitlines()


@given(st.text())
def test_no_text_can_command_a_terminal(outside: str) -> None:
    assert words.safe(outside).isprintable()


@given(st.text(min_size=1, alphabet=st.characters(categories=["L", "N", "P"])))
def test_a_printable_text_is_left_as_it_is(outside: str) -> None:
    assert words.safe(outside) == outside


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0 %"), (1e-9, "0.1 %"), (0.99999, "99.9 %"), (1.0, "100 %"), (0.5, "50 %")],
)
def test_almost_none_is_not_none_and_almost_all_is_not_all(share: float, shown: str) -> None:
    assert words.percent(share) == shown


@example(0.0078125)
@given(st.floats(min_value=0.001, max_value=1e15))
def test_a_duration_is_short_at_any_size(microseconds: float) -> None:
    shown = words.duration(microseconds)

    amount, unit = shown.split()
    assert unit in {"µs", "ms", "s", "min", "h", "d"}
    assert len(amount) <= 5 or unit == "d"


@given(st.integers(min_value=0, max_value=10**14))
def test_a_large_number_has_three_digits_and_their_value(count: int) -> None:
    shown = words.large(count)

    factor = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(shown[-1], 1)
    assert float(shown.rstrip("kMGT")) * factor == pytest.approx(count, rel=0.006)


def test_markup_in_data_is_data() -> None:
    lines = rendered(table([text("name"), number("n")], [["[bold]x[/bold] :smile:", "1"]]), 80)

    assert "[bold]x[/bold] :smile:" in lines[2]


def test_a_narrow_table_wraps_texts_and_keeps_numbers_whole() -> None:
    made = table([text("name"), number("n")], [["one two three four five six", "1,234,567"]])

    lines = rendered(made, 30)

    assert max(map(len, lines)) <= 30
    assert "1,234,567" in lines[2]


def measure(n: int) -> Measure:
    """Values with mean 10 and standard deviation 2."""
    total = Decimal(10 * n)
    return Measure("calls", "calls", n, total, 10.0, 2.0, 10.0, 12.0, 14.0, Decimal(1), Decimal(9))


@pytest.mark.parametrize(("n", "margin"), [(3, "-"), (5, "2.44"), (30, "0.75"), (10_000, "0.039")])
def test_the_interval_of_a_mean_is_students(n: int, margin: str) -> None:
    """From tables of t: 2.776, 2.045 and 1.960; the expansion is a little short for five values."""
    head, _, row = rendered(measured([measure(n)], 120), 120)

    place = head.index("± 95 %") + len("± 95 %")
    assert row[:place].split()[-1] == margin


@pytest.mark.parametrize("width", [60, 80, 120])
def test_numbers_of_a_measure_fit_the_width(width: int) -> None:
    lines = rendered(measured([measure(1_000_000)], width), width)

    assert not any("…" in line for line in lines)


def test_one_thing_is_spoken_of_as_one() -> None:
    one = Imported(Report(unfinished=1, nested_calls=1), 0, 1, 0, 0, {}, {})
    two = Imported(Report(unfinished=2, nested_calls=2), 0, 2, 0, 0, {}, {})

    assert [sentence.split(",")[0].split(";")[0] for sentence in remarks(one, dry_run=False)] == [
        "1 tool call of subagents was not imported: it belongs to another agent.",
        "1 last line without an end was left for the next import.",
        "1 line was refused",
    ]
    assert all(" were " in sentence for sentence in remarks(two, dry_run=False))


def test_partitions_on_kafka_are_readable_on_a_narrow_terminal() -> None:
    partitions = [
        Learned(
            AGENT_EVENTS.name, at, 10**9, 10**9, 0, f"motif-{10**6}-1", 12.3, None, 0, 0, at, 0, 0
        )
        for at in range(9, 12)
    ]
    found = Standing(
        "the log on Kafka at broker:9092",
        Path("data"),
        Identity("site", "log", "here"),
        partitions,
        *(0, ProjectorStatus(None, 0, None, None), {}, {}, 0, 0),
    )

    lines = rendered(shown(found), 80)

    learned, repeats = (
        [line for line in lines if line.startswith(f"{AGENT_EVENTS.name}/11 ")][at] for at in (0, 1)
    )
    assert learned.split() == [
        *(f"{AGENT_EVENTS.name}/11", "1,000,000,000", "1,000,000,000", "0", "12.3", "s", "ago"),
        "motif-1000000-1",
    ]
    assert repeats.split() == [f"{AGENT_EVENTS.name}/11", "0", "0", "11", "0", "0"]
