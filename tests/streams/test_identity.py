"""Who a log is: the first statement counts, for every process that reads it."""

import pytest

from schemas.envelope import Event, outgoing
from schemas.errors import LogIncompatible
from schemas.events import LogCreated, SettingsChanged
from schemas.fact import Payload
from schemas.ids import partition_of
from schemas.log import Log, Outgoing
from schemas.topics import PATTERN_DEFINITIONS
from streams.identity import Identity, allow_servers, found, identity_of
from tests.streams.worlds import NOW, log_of, records


def created(number: int, *, partitions: int = 3, form: int = 1) -> Event:
    data = LogCreated(
        site_id=f"site-{number}", log_id=f"log-{number}", partitions=partitions, format=form
    )
    return Event("motif", f"log/log-{number}", data, NOW)


def changed(log_id: str, number: int, *servers: str, source: str = "motif") -> Event:
    return Event(source, f"settings/{log_id}/{number}", SettingsChanged(mcp_servers=list(servers)))


def state(log: Log, *events: Event) -> Identity | None:
    """Who the log is after these events."""
    log.append([outgoing(event, log.partitions) for event in events])
    return identity_of(log)


def test_a_log_is_founded_once_and_stays_who_it_is() -> None:
    log = log_of(3)
    assert identity_of(log) is None
    first = found(log, "study")
    assert first == found(log, "another label") == identity_of(log)
    assert first.label == "study"
    assert first.site_id != first.log_id
    assert len(records(log, PATTERN_DEFINITIONS)) == 1


def test_of_two_processes_that_found_a_log_at_once_the_first_wins_for_both() -> None:
    identity = state(log_of(3), created(1), created(2), created(1))
    assert identity is not None
    assert (identity.site_id, identity.log_id) == ("site-1", "log-1")


@pytest.mark.parametrize("wrong", [created(1, partitions=4), created(1, form=2)])
def test_a_log_of_another_shape_is_refused(wrong: Event) -> None:
    with pytest.raises(LogIncompatible, match="open it with the version that wrote it"):
        state(log_of(3), wrong)


CHANGES = {
    "the same again": [changed("log-1", 1, "acme")] * 3,
    "another that lost the race": [changed("log-1", 1, "acme"), changed("log-1", 1, "evil")],
    "one of another log": [changed("log-1", 1, "acme"), changed("log-2", 2, "evil")],
    "one too far": [changed("log-1", 1, "acme"), changed("log-1", 3, "evil")],
    "another source": [
        changed("log-1", 1, "acme"),
        changed("log-1", 2, "evil", source="a-file-from-elsewhere"),
    ],
}


@pytest.mark.parametrize("events", CHANGES.values(), ids=CHANGES)
def test_settings_change_only_by_the_next_change_of_this_log(events: list[Event]) -> None:
    identity = state(log_of(3), created(1), *events)
    assert identity == Identity("site-1", "log-1", "", frozenset({"acme"}), 1)


def test_changes_are_counted_and_what_changes_nothing_is_none() -> None:
    log = log_of(3)
    first = found(log, "here")
    second = allow_servers(log, first, frozenset({"a", "b"}))
    assert allow_servers(log, second, frozenset({"b", "a"})) == second
    third = allow_servers(log, second, frozenset())
    assert (second.settings_changes, third.settings_changes) == (1, 2)
    assert identity_of(log) == third


def test_a_change_that_lost_a_race_is_made_behind_the_winner() -> None:
    log = log_of(3)
    stale = found(log, "here")
    allow_servers(log, stale, frozenset({"winner"}))
    mine = allow_servers(log, stale, frozenset({"mine"}))
    assert mine == identity_of(log)
    assert (mine.allowed_servers, mine.settings_changes) == (frozenset({"mine"}), 2)


def test_what_is_no_statement_about_the_log_is_passed_over() -> None:
    log = log_of(3)
    before = found(log, "here")
    place = partition_of(b"identity", 3)
    other: Payload = SettingsChanged(mcp_servers=["x"])
    log.append(
        [
            Outgoing(PATTERN_DEFINITIONS.name, place, b"identity", b"nonsense"),
            Outgoing(PATTERN_DEFINITIONS.name, place, b"a pattern", b"nonsense"),
            Outgoing(PATTERN_DEFINITIONS.name, place, b"identity", None),
            outgoing(Event("motif", "x", other), 3)._replace(key=b"a pattern"),
        ]
    )
    assert identity_of(log) == before
