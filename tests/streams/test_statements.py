"""A statement that was packed is the statement, whatever numbers are in it."""

from hypothesis import given
from hypothesis import strategies as st

from streams.change import Change
from streams.recognise import KINDS
from streams.statements import NAMES, pack, pack_alike, unpack

numbers = st.integers(-(2**70), 2**70)
names = st.sampled_from([*NAMES, "resolution.0a", ""])
changes = st.builds(
    Change,
    pattern=st.lists(st.text(max_size=4), min_size=1, max_size=4).map(tuple),
    at_us=st.none() | numbers,
    occurrences=st.integers(0, 2),
    successes=st.integers(0, 2),
    failures=st.integers(0, 2),
    counts=st.lists(names, max_size=3).map(tuple),
    measures=st.lists(st.tuples(names, numbers), max_size=4).map(tuple),
)


@given(revision=st.integers(-1, 2**63 - 1), at_us=numbers, stated=st.lists(changes, max_size=3))
def test_it_is_unpacked_as_it_was(revision: int, at_us: int, stated: list[Change]) -> None:
    assert unpack(pack(revision, at_us, stated)) == (revision, at_us, stated)


@given(stated=changes, pattern=st.lists(st.text(max_size=4), min_size=1).map(tuple))
def test_the_same_for_another_pattern_costs_little(
    stated: Change, pattern: tuple[str, ...]
) -> None:
    again = [stated, stated._replace(pattern=pattern)]
    packed = pack(0, 0, again)

    assert unpack(packed)[2] == again
    assert (
        len(packed) < len(pack(0, 0, [stated])) + 8 + sum(5 + len(p.encode()) for p in pattern) * 3
    )


@given(
    revision=st.integers(0, 2**63 - 1),
    at_us=numbers,
    stated=changes,
    patterns=st.lists(st.lists(st.text(max_size=4), min_size=1).map(tuple), max_size=3),
)
def test_what_is_alike_is_packed_to_the_same_bytes(
    revision: int, at_us: int, stated: Change, patterns: list[tuple[str, ...]]
) -> None:
    each = [stated, *(stated._replace(pattern=pattern) for pattern in patterns)]

    assert pack_alike(revision, at_us, stated, patterns) == pack(revision, at_us, each)


def test_names_stand_where_they_stood() -> None:
    """What was packed before must be read as what it was: new names come at the end."""
    assert NAMES[:10] == (
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "total_tokens",
        "cost",
        "tokens",
        "duration",
        "errors",
        "retries",
    )
    assert len(set(NAMES)) == len(NAMES)


def test_every_measure_that_is_amended_has_a_short_name() -> None:
    kinds = ("model", "task", "operation", "error", "agent_usage", "correction")
    assert {name for kind in kinds for name in KINDS[kind].units} <= set(NAMES)
