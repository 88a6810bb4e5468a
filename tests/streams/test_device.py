"""Kind `device`: what makes a sort of devices, and what of a device never stands in one."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.generate_probes import probes
from schemas.devices import DeviceProbed
from schemas.envelope import Event
from schemas.topics import PATTERN_CONTRIBUTIONS, PATTERNS
from streams.change import Change
from streams.recognise.device import KIND, recognise, vote
from tests.streams.test_match import PRIVATE, probed
from tests.streams.worlds import NOW, append, learn, log_of, records, tallies

PLC: dict[str, Any] = {
    "protocol": "ethernet_ip",
    "port": 44818,
    "unit": None,
    "vendor_id": 1,
    "vendor": "Rockwell Automation",
    "device_type": 14,
    "product_code": "54",
    "product": "1756-L61/B LOGIX5561",
    "revision": "20.11",
}


def sort(**more: Any) -> tuple[str, ...] | None:
    """The pattern a probe makes, None where it makes none."""
    found = recognise(probed(**more), NOW)
    return found[0].pattern if found else None


def test_a_probe_is_an_occurrence_with_every_exchange() -> None:
    exchanges = [
        {"request": "00", "response": "0102", "outcome": "ok", "reply_us": 7},
        {"request": "01", "outcome": "exception", "reply_us": 9, "code": 1},
        {"request": "02", "outcome": "timeout"},
        {"request": "03", "outcome": "exception", "code": 6},
    ]

    (change,) = recognise(probed(exchanges=exchanges), 5)

    measures = (("reply_time", 7), ("reply_time", 9), ("octets", 3), ("revision", 10 * 10**10))
    counts = ("exchanges", "exchanges", "exchanges", "timeouts", "exchanges", "busy")
    assert change == Change(
        ("device", "modbus.tcp", "acme", "", "m-1", "2"), 5, 1, 0, 0, counts, measures
    )
    assert {name for name, _ in measures} == set(KIND.units)


def counted(**more: Any) -> tuple[int, int, set[str]]:
    """Successes, failures and counters of a probe."""
    (change,) = recognise(probed(**more), NOW)
    uses = {one for one in change.counts if one in {"matched", "applied"}}
    return change.successes, change.failures, uses


def voted(**more: Any) -> set[str]:
    """What a device says of how its sort is asked."""
    return {name for change in vote(probed(**more)) for name in change.counts}


def test_a_whole_interview_says_which_requests_work_and_whether_it_met_anybody_else() -> None:
    answers = {"0300000001": 4, "11": 12}

    assert voted(answers=answers, alone=True) == {
        *("interviewed", "alone", "unit.255"),
        *("works.0300000001.4", "works.11.12"),
    }
    assert voted(answers=answers, path="fast", alone=True) == set()
    assert voted(answers=answers, simulator=True) == set()
    assert counted(answers=answers, alone=True) == (0, 0, set())


def test_a_request_that_is_none_of_ours_is_never_shown() -> None:
    """Whoever states a probe may write anything where requests stand."""
    answers = {"616e6e40686f6d65": 4, "06000100ff": 2, "0e03200124013006": 9_999}

    assert voted(answers=answers) == {"interviewed", "unit.255"}


def test_of_the_units_that_answer_only_the_usual_ones_are_said() -> None:
    """What else stands behind a gateway is the plant's own."""
    usual = voted(answers={"11": 9}, units=[0, 1, 2, 17])
    behind = voted(answers={"11": 9}, unit=17)

    assert usual == {"interviewed", "works.11.9", "unit.255", "unit.0", "unit.1"}
    assert behind == {"interviewed", "works.11.9"}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ("matched", (0, 0, {"matched"})),
        ("agreed", (1, 0, {"matched"})),
        ("disagreed", (0, 1, {"matched"})),
        ("applied", (0, 0, {"matched", "applied"})),
        ("confirmed", (1, 0, {"matched", "applied"})),
        ("contradicted", (0, 1, {"matched", "applied"})),
    ],
)
def test_matched_applied_and_verified_are_counted_apart(usage: str, expected: object) -> None:
    assert counted(usage=usage, path="fast") == expected


def test_confidence_is_what_was_verified_and_never_how_often_it_was_met() -> None:
    log = log_of(2)
    append(log, [Event("s", str(n), probed(), NOW) for n in range(20)])
    uses = ["confirmed"] * 3 + ["contradicted", "applied", "matched"]
    append(log, [Event("s", f"u{n}", probed(usage=one), NOW) for n, one in enumerate(uses)])
    learn(log)
    (tally,) = tallies(log).values()

    assert KIND.confidence is not None
    assert (tally.occurrences, tally.successes, tally.failures) == (26, 3, 1)
    assert KIND.confidence(tally) == pytest.approx((3 + 1) / (4 + 2))
    assert (tally.extra["matched"], tally.extra["applied"]) == (6, 5)


def test_what_is_not_to_be_learned_makes_no_pattern() -> None:
    assert sort(learn=False) is None
    assert sort(learn=True) is not None


def test_numbers_make_the_sort_where_there_are_numbers() -> None:
    assert sort(**PLC) == ("device", "ethernet_ip", "1", "14", "54", "20")
    assert sort(**PLC | {"vendor": None, "product": "PLC of Ann"}) == sort(**PLC)


def test_products_with_one_code_and_two_types_are_two_sorts() -> None:
    assert sort(**PLC | {"device_type": 12}) != sort(**PLC)


def test_two_devices_that_differ_in_what_is_their_own_make_one_pattern() -> None:
    log = log_of(4)
    append(log, [Event("s", "1", probed(), NOW), Event("s", "2", probed(**PRIVATE), NOW)])
    learn(log)

    (pattern,) = tallies(log)
    assert tallies(log)[pattern].occurrences == 2
    told = b"".join(
        record.value or b""
        for topic in (PATTERNS, PATTERN_CONTRIBUTIONS)
        for record in records(log, topic)
    )
    for private in ("10.0.0.8", "00c0ffee", "00:00:bc", "Boiler"):
        assert private.encode() not in told


@pytest.mark.parametrize(
    "more",
    [
        {"simulator": True},
        {"evidence": "server_id"},
        {"evidence": "exceptions"},
        {"evidence": None, "outcome": "silent"},
        {"vendor": "/home/ann"},
        {"product_code": "4=GF0123456789012"},
        {"product_code": "ann@example.com"},
    ],
)
def test_what_pretends_is_weak_or_may_not_be_shown_makes_no_pattern(more: dict[str, Any]) -> None:
    assert sort(**more) is None


def test_a_fact_that_is_not_known_is_empty_and_not_zero() -> None:
    assert sort(vendor=None, revision=None) == ("device", "modbus.tcp", "", "", "m-1", "")


def test_titles_say_which_sort_it_is() -> None:
    assert KIND.title(("modbus.tcp", "acme", "", "m-1", "2")) == "acme m-1 revision 2 by modbus.tcp"
    assert KIND.title(("ethernet_ip", "1", "14", "54", "20")) == (
        "vendor 1 type 14 product 54 revision 20 by ethernet_ip"
    )


@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from([1, 3]))
def test_learned_is_what_the_probes_say_counted_plainly(
    seed: int, count: int, partitions: int
) -> None:
    events = list(probes(seed, count))
    log = log_of(partitions)
    append(log, events * 2)  # repeats count for nothing
    learn(log)

    expected: dict[tuple[str, ...], list[int]] = {}
    for event in events:
        said = event.data
        assert isinstance(said, DeviceProbed)
        if said.evidence == "identity":
            key = (said.protocol, said.product_code or "")
            replies = [one.get("reply_us") for one in said.exchanges]
            expected.setdefault(key, [0, 0])[0] += 1
            expected[key][1] += sum(one or 0 for one in replies)
    learned = {
        (pattern[1], pattern[4]): [tally.occurrences, tally.measures["reply_time"].total]
        for pattern, tally in tallies(log).items()
    }

    assert learned == {
        (protocol, " ".join(code.split()).casefold()): numbers
        for (protocol, code), numbers in expected.items()
    }


def interview(number: int, at_us: int, **more: Any) -> Event:
    """A whole interview at a time."""
    answers = {"0300000001": 4}
    return Event("s", str(number), probed(**{"answers": answers, "alone": True} | more), at_us)


def votes_in(
    events: list[Event], *, partitions: int = 1, batches: int = 1
) -> dict[str, dict[str, int]]:
    """The counters of each product code, learned from events in some batches."""
    log = log_of(partitions)
    for batch in range(batches):
        append(log, events[batch::batches])
        learn(log)
    return {pattern[4]: dict(tally.extra) for pattern, tally in tallies(log).items()}


def test_a_scanner_that_comes_every_hour_outvotes_nobody() -> None:
    hourly = [interview(n, NOW + n, answers={"11": 9}) for n in range(50)]
    others = [interview(100 + n, NOW, address=f"10.0.0.{n}") for n in range(3)]

    (counted,) = votes_in(hourly + others).values()

    assert (counted["interviewed"], counted["works.11.9"]) == (4, 1)
    assert counted["works.0300000001.4"] == 3


def test_a_device_that_was_replaced_votes_for_what_is_there_now() -> None:
    found = votes_in([interview(1, NOW), interview(2, NOW + 1, product_code="M-2")], batches=2)

    assert "interviewed" not in found["m-1"]
    assert found["m-2"]["interviewed"] == 1


@given(st.data())
def test_of_each_device_its_newest_interview_counts_in_any_order(data: st.DataObject) -> None:
    said = st.tuples(st.integers(0, 3), st.sampled_from(["M-1", "M-2"]), st.integers(2, 5))
    drawn = data.draw(st.lists(said, max_size=12))
    events = [
        interview(
            *(number, NOW + number),
            address=f"10.0.0.{host}",
            product_code=code,
            answers={"0300000001": length},
        )
        for number, (host, code, length) in enumerate(drawn)
    ]
    partitions, batches = data.draw(st.sampled_from([(1, 1), (3, 1), (1, 3)]))

    found = votes_in(data.draw(st.permutations(events)), partitions=partitions, batches=batches)

    expected: dict[str, dict[str, int]] = {code.casefold(): {} for _, code, _ in drawn}
    for code, length in {host: (code, length) for host, code, length in drawn}.values():
        counted = expected[code.casefold()]
        for name in ("interviewed", "alone", "unit.255", f"works.0300000001.{length}"):
            counted[name] = counted.get(name, 0) + 1
    assert found == expected


def test_of_two_votes_at_one_time_the_same_one_counts_in_either_order() -> None:
    two = [interview(1, NOW), interview(2, NOW, answers={"0300000001": 6})]

    assert votes_in(two) == votes_in(two[::-1])


def test_the_same_seed_gives_the_same_probes() -> None:
    first, again = list(probes(3, 50)), list(probes(3, 50))

    assert first == again
    assert msgspec.json.encode(first[0].data.model_dump())
    assert {event.data.type for event in first} == {DeviceProbed.type}
