"""When devices may be asked: windows of the week, in the time of a place."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.devices.restrictions import Restriction, Restrictions, window_of
from connectors.devices.targets import network_of
from schemas.errors import WrongUse

MONDAY = datetime(2026, 11, 23, tzinfo=ZoneInfo("UTC"))


def at(text: str, zone: str = "UTC") -> int:
    """A moment of the week after Monday the 23rd of November, as `tue 22:30`, in microseconds."""
    day, _, time = text.partition(" ")
    hour, minute = map(int, time.split(":"))
    number = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].index(day)
    moment = datetime(2026, 11, 23 + number, hour, minute, tzinfo=ZoneInfo(zone))
    return int(moment.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("01:00-02:00", ["mon 01:00", "sun 01:59"], ["mon 00:59", "mon 02:00"]),
        ("mon-fri 08:00-17:00", ["mon 08:00", "fri 16:59"], ["sat 12:00", "fri 17:00"]),
        ("fri 22:00-05:00", ["fri 22:00", "sat 04:59"], ["fri 04:00", "sat 05:00", "sat 22:30"]),
        ("sun 22:00-05:00", ["sun 23:00", "mon 01:00"], ["mon 22:30", "tue 01:00"]),
        ("sat,sun 00:00-24:00", ["sat 00:00", "sun 23:59"], ["mon 00:00", "fri 23:59"]),
        ("fri-mon 10:00-11:00", ["sun 10:30", "mon 10:30"], ["tue 10:30", "thu 10:30"]),
    ],
)
def test_a_window_holds_its_times_of_the_week(
    window: str, inside: list[str], outside: list[str]
) -> None:
    network = Restriction.of("10.0.0.0/24", windows=[window])

    assert [one for one in inside if not network.allows(at(one))] == []
    assert [one for one in outside if network.allows(at(one))] == []


def test_a_window_is_in_the_time_of_its_place_summer_and_winter() -> None:
    network = Restriction.of("10.0.0.0/24", windows=["08:00-09:00"], timezone="Europe/Berlin")
    july = datetime(2026, 7, 1, 6, 30, tzinfo=ZoneInfo("UTC")).timestamp()

    assert network.allows(at("mon 08:30", "Europe/Berlin"))
    assert network.allows(at("mon 07:30", "UTC"))
    assert not network.allows(at("mon 06:30", "UTC"))
    assert network.allows(int(july) * 1_000_000)


def test_every_network_that_holds_an_address_must_allow_it() -> None:
    said = Restrictions(
        [
            Restriction.of("10.0.0.0/8", windows=["01:00-05:00"]),
            Restriction.of("10.0.0.0/24", windows=["04:00-06:00"], fragile=True),
        ]
    )

    assert said.may("10.0.0.7", at("mon 04:30"))
    assert not said.may("10.0.0.7", at("mon 02:00"))
    assert said.may("10.0.1.7", at("mon 02:00"))
    assert said.may("::ffff:10.0.1.7", at("mon 02:00"))
    assert not said.may("::ffff:10.0.1.7", at("mon 12:00"))
    assert said.may("192.168.0.1", at("mon 12:00"))
    assert (said.is_fragile("10.0.0.7"), said.is_fragile("10.0.1.7")) == (True, False)
    assert said.touches(network_of("10.0.0.128/25"))
    assert not said.touches(network_of("2001:db8::/64"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "mon",
        "25:00-26:00",
        "08:00-08:00",
        "08:60-09:00",
        "mo 08:00-09:00",
        "08:00-24:01",
    ],
)
def test_what_is_no_window_is_said(text: str) -> None:
    with pytest.raises(WrongUse, match="is no"):
        window_of(text)


def test_a_time_zone_that_nobody_knows_is_said() -> None:
    with pytest.raises(WrongUse, match="no time zone 'Berlin'"):
        Restriction.of("10.0.0.0/24", windows=["08:00-09:00"], timezone="Berlin")


@given(st.integers(0, 1439), st.integers(0, 1440), st.integers(0, 7 * 1440 - 1))
def test_a_window_and_its_rest_share_no_minute_and_leave_none_out(
    begins: int, ends: int, minute: int
) -> None:
    ends = ends if ends != begins else begins + 1
    day, of_day = divmod(minute, 1440)
    moment = datetime(2026, 11, 23 + day, of_day // 60, of_day % 60, tzinfo=ZoneInfo("UTC"))
    written = f"{begins // 60:02}:{begins % 60:02}-{ends // 60:02}:{ends % 60:02}"

    inside = begins <= of_day < ends if begins < ends else (of_day >= begins or of_day < ends)

    assert window_of(written).holds(moment) is inside
