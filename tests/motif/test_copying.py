"""A copied log: the same truths learned to the same rows, by contributors of its own."""

from pathlib import Path

import pytest

from connectors.logs import MemoryLog
from motif import deadletters
from motif.copying import copy
from schemas.envelope import STRUCTURED, decode
from schemas.errors import MotifError
from schemas.ids import partition_of
from schemas.log import Log
from schemas.topics import (
    AGENT_EVENTS,
    DEAD_LETTERS,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERN_DEFINITIONS,
    PATTERN_USAGES,
)
from streams.contribution import RETIRED, contributor_of
from streams.contribution import decode as decode_contribution
from streams.identity import allow_servers, found
from streams.intake import content_hash
from tests.motif.copies import (
    LATER,
    PARAMS,
    PARTITIONS,
    Make,
    bring,
    copied_to,
    filled,
    host,
    learn,
    ticking,
)
from tests.streams.worlds import NOW, append, records, rows, world


@pytest.fixture(params=PARAMS.values())
def make(request: pytest.FixtureRequest) -> Make:
    return host(request, request.param)


@pytest.fixture
def source() -> Log:
    """A small log of everything a log may hold."""
    return filled(MemoryLog(PARTITIONS, clock=ticking()))


@pytest.mark.parametrize("partitions", [1, 3, 8])
def test_the_same_is_learned_in_another_number_of_partitions_and_back(
    make: Make, tmp_path: Path, partitions: int
) -> None:
    with (
        make(tmp_path / "a", PARTITIONS, ticking()) as old,
        make(tmp_path / "b", partitions, lambda: LATER) as new,
        make(tmp_path / "c", PARTITIONS, lambda: LATER) as back,
    ):
        filled(old)
        expected = learn(old)

        copy(old, new, clock=lambda: LATER)
        assert learn(new) == expected
        copy(new, back, clock=lambda: LATER)
        assert learn(back) == expected


@pytest.mark.parametrize("to", PARAMS.values())
def test_the_same_is_learned_on_another_host(
    make: Make, tmp_path: Path, to: str, request: pytest.FixtureRequest
) -> None:
    with (
        make(tmp_path / "a", PARTITIONS, ticking()) as old,
        host(request, to)(tmp_path / "b", 3, lambda: LATER) as new,
    ):
        filled(old, seed=2)

        copied = copy(old, new, clock=lambda: LATER)

        assert learn(new) == learn(old), "the old one was not learned before"
        assert copied.counts.retired == 0


def test_events_are_as_they_were_and_say_when_they_were_recorded(source: Log) -> None:
    target = copied_to(source, 3)

    def facts(log: Log) -> list[tuple[object, ...]]:
        found = []
        for record in records(log, AGENT_EVENTS):
            try:
                event = decode(record)
            except MotifError:
                continue
            if partition_of(event.key, log.partitions) == record.partition:
                appended_us = min(record.appended_at_us, event.recorded_us or LATER)
                content = content_hash(event, event.key)
                found.append((event.source, event.id, content, appended_us, record.value))
        return sorted(found, key=repr)

    assert facts(target) == facts(source)
    assert any(STRUCTURED in dict(one.headers).values() for one in records(target, AGENT_EVENTS))


def test_the_copy_is_the_same_site_under_the_same_settings_as_another_log(source: Log) -> None:
    allow_servers(source, found(source, ""), frozenset())
    allow_servers(source, found(source, ""), frozenset({"acme", "other"}))
    old = found(source, "")

    target = copied_to(copied_to(source, 8), 3)
    new = found(target, "another label")

    assert (new.site_id, new.label) == (old.site_id, "here")
    assert (new.epoch, new.allowed_servers) == (old.epoch, old.allowed_servers)
    assert new.settings_changes == 3
    assert new.log_id != old.log_id
    assert not [one for one in records(target, LEARNER_CHECKPOINTS) if one.value is not None]


def test_each_refused_content_has_one_letter_and_what_was_decided_stays(source: Log) -> None:
    learn(source)
    open_letters = {one.reason: one for one in deadletters.letters(source)}
    assert set(open_letters) == {
        "not_cloudevent",
        "misplaced",
        "already_finished",
        "amended_too_late",
    }
    deadletters.discard(source, [open_letters["already_finished"].letter_id])
    deadletters.retry(source, [open_letters["misplaced"].letter_id])
    expected = learn(source)

    target = copied_to(copied_to(source, 3), 8)

    assert learn(target) == expected
    assert letters(target) == letters(source)
    carried = [one.key for one in records(copied_to(target, 2), DEAD_LETTERS) if one.value]
    assert sorted(key or b"" for key in carried) == sorted(
        one.letter_id.encode() for one in deadletters.letters(target, open_only=False)
    )
    old = found(source, "").log_id
    origins = {one.origin for one in deadletters.letters(target, open_only=False)}
    assert all(origin.startswith(f"{old}/{AGENT_EVENTS.name}/") for origin in origins)


def test_what_no_learner_has_seen_yet_has_its_letter_too(source: Log) -> None:
    target = copied_to(source, 1)
    learn(target)
    learn(source)

    assert letters(target) == letters(source)


def letters(log: Log) -> list[tuple[str, str, bytes, str | None, int]]:
    return [
        (one.letter_id, one.reason, one.value, one.decided, one.refused_at_us)
        for one in deadletters.letters(log, open_only=False)
    ]


def test_what_this_version_does_not_read_is_carried_byte_for_byte(source: Log) -> None:
    (usage,) = records(copied_to(source, 1), PATTERN_USAGES)

    assert (usage.key, usage.value) == (b"usage", b"of a later version")


def test_nobody_who_says_who_the_old_log_is_stands_in_the_copy(source: Log) -> None:
    target = copied_to(source, 3)
    new = found(target, "")

    ids = [decode(one).id for one in records(target, PATTERN_DEFINITIONS)]

    assert ids == [f"log/{new.log_id}", f"settings/{new.log_id}/1"]


def test_old_contributions_that_come_late_are_passed_over(source: Log) -> None:
    expected = learn(source)
    target = copied_to(source, 3)

    bring(source, target)
    assert learn(target) == expected
    bring(source, target)
    assert learn(target) == expected


def test_a_peer_of_the_old_log_retires_it_when_it_takes_in_the_new_one(source: Log) -> None:
    peer = MemoryLog(2, clock=lambda: LATER)
    found(peer, "peer")
    expected = learn(source)
    bring(source, peer)
    assert rows(peer) == expected
    target = copied_to(source, 8)
    learn(target)

    for brought in (target, source, target):
        bring(brought, peer)
        assert rows(peer) == expected


def test_what_other_sites_contributed_is_carried(source: Log) -> None:
    peer = MemoryLog(2, clock=lambda: NOW)
    found(peer, "peer")
    append(peer, world(9))
    learn(peer)
    learn(source)
    bring(peer, source)
    expected = learn(source)

    target = copied_to(source, 3)

    assert learn(target) == expected
    bring(peer, target)
    assert learn(target) == expected


def test_retired_versions_fit_into_the_tables(source: Log) -> None:
    learn(source)
    old = found(source, "").log_id
    target = copied_to(source, 3)

    retired = [
        decode_contribution(record.value or b"")
        for record in records(target, PATTERN_CONTRIBUTIONS)
        if old in contributor_of(record)
    ]

    assert len(retired) == len(records(source, PATTERN_CONTRIBUTIONS)) > 0
    assert all(one.is_empty and one.epoch == RETIRED for one in retired)
    assert max(RETIRED) < 2**63
