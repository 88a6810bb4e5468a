"""The questions behind reports: windows, groups and series of the rows as they are now."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from motif.reports import REPORTS, report_of
from projections import reports
from projections.remote import RemoteStore
from projections.reports import TASKS, Window
from projections.serving import Serving
from schemas.clock import DAY_US, from_us
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.events import ErrorOccurred, TaskCompleted
from tests.projections.test_serving import about
from tests.projections.world import NOON_US, World

EVERYTHING = Window(from_us(NOON_US), None)


def task(name: str, at_us: int | None = NOON_US, *, duration_us: int | None = 7) -> Event:
    data = TaskCompleted(agent="a", task_type="t", success=True, duration_us=duration_us)
    return Event("src", name, data, at_us)


def test_a_window_ends_with_the_latest_event_of_any_table(world: World) -> None:
    error = ErrorOccurred(error_type="E", error_message="m")
    world.state(task("1", NOON_US - DAY_US), Event("src", "e", error, NOON_US))

    assert reports.window(world.store, None, None) == Window(from_us(NOON_US), None)
    assert reports.window(world.store, 2, date(2020, 2, 29)) == Window(
        datetime(2020, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC), 2
    )


def test_a_moment_is_taken_as_it_is_in_whatever_time_zone(world: World) -> None:
    moment = from_us(NOON_US)

    window = reports.window(world.store, 1, moment.astimezone(timezone(timedelta(hours=9))))

    assert window.as_of == moment
    assert window.since == moment.replace(hour=0, minute=0, second=0, microsecond=0)


def test_a_window_longer_than_time_itself_has_no_error(world: World) -> None:
    world.state(task("1"))

    window = reports.window(world.store, reports.DAYS_MAX, date(1, 1, 2))

    assert window.since == datetime(1, 1, 1, tzinfo=UTC)
    assert reports.rows(world.store, TASKS.table, window).counted == 0


@pytest.mark.parametrize("days", [0, -1, reports.DAYS_MAX + 1, True])
def test_a_window_has_a_sensible_number_of_days(world: World, days: int) -> None:
    with pytest.raises(WrongUse, match="days is"):
        reports.window(world.store, days, None)


def test_only_what_is_said_now_of_a_task_is_counted(world: World) -> None:
    first, second = (
        Event("src", f"x@{revision}", task("x", duration_us=duration).data, NOON_US, "x", revision)
        for revision, duration in ((1, 100), (2, 300))
    )
    world.state(second, first)

    (group,) = reports.groups(world.store, TASKS, EVERYTHING)

    assert (group.names, group.n) == (("a", "t"), 1)
    assert group.amounts["duration"].total == 300


def test_a_series_is_in_order_of_time_with_what_has_none_at_its_end(world: World) -> None:
    world.state(
        task("late", NOON_US),
        task("never", None, duration_us=None),
        task("early", NOON_US - 5),
        task("future", NOON_US + 3 * DAY_US),
    )

    (series,) = reports.series(world.store, TASKS, EVERYTHING, least=1)

    ids = [series.place(row)["event_id"] for row in range(4)]
    assert ids == ["early", "late", "future", "never"]
    assert (series.dated, series.at_us.tolist()) == (2, [NOON_US - 5, NOON_US])
    assert series.values["duration"][:3].tolist() == [7, 7, 7]
    assert list(reports.series(world.store, TASKS, EVERYTHING)) == []


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_asked_of_another_process_is_the_same(world: World, name: str) -> None:
    world.state(*(task(f"t{n}", NOON_US + n, duration_us=1_000 + n) for n in range(50)))
    with Serving(world.store, world.folder, about):
        there = report_of(RemoteStore(world.folder), name, days=3)

    assert there == report_of(world.store, name, days=3)
