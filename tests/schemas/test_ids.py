"""Names that sites which never met agree on."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.ids import (
    id_hash,
    letter_id,
    murmur2,
    partition_of,
    partitions_of,
    pattern_id,
    signature,
    signature_parts,
)

anything = st.text(st.characters(codec="utf-8"))
parts = st.lists(anything, min_size=1, max_size=4)
tricky = st.text(":%\0/ aA", max_size=4)


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
    ],
)
def test_murmur2_is_that_of_kafkas_java_client(data: bytes, signed: int) -> None:
    """The values stand in the client's own tests (`UtilsTest.testMurmur2`)."""
    assert murmur2(data) == signed % 2**32


@given(st.binary(max_size=40), st.integers(1, 1024))
def test_a_partition_is_one_of_those_there_are(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions
    assert 0 <= partition_of(key, partitions) < partitions
    assert partition_of(key, 1) == 0


@given(st.lists(st.binary(max_size=140) | st.binary(max_size=5), max_size=80), st.integers(1, 1024))
@example([bytes(length) for length in range(129)], 1024)
@example([b"\0" * 127 + b"\1"] * 40, 1)
def test_the_partitions_of_many_keys_are_those_of_each(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions) == [partition_of(key, partitions) for key in keys]


@given(parts)
def test_a_signature_gives_its_parts_back(texts: list[str]) -> None:
    assert signature_parts(signature(*texts)) == tuple(texts)


@given(st.lists(tricky, min_size=1, max_size=3), st.lists(tricky, min_size=1, max_size=3))
def test_other_parts_have_another_signature(some: list[str], others: list[str]) -> None:
    assert (signature(*some) == signature(*others)) == (some == others)


@given(parts)
def test_a_signature_is_plain_text_without_spaces(texts: list[str]) -> None:
    text = signature(*texts)

    assert text.isascii()
    assert text.isprintable()
    assert " " not in text


@given(st.tuples(tricky, tricky), st.tuples(tricky, tricky))
def test_sources_and_ids_do_not_run_into_each_other(
    some: tuple[str, str], others: tuple[str, str]
) -> None:
    assert len(id_hash(*some)) == 16
    # NUL separates the two, and neither a source nor an id that anybody writes holds one.
    if not any("\0" in text for text in (*some, *others)):
        assert (id_hash(*some) == id_hash(*others)) == (some == others)


def test_hashes_are_the_same_for_ever() -> None:
    """Other sites, and logs already written, hold these."""
    assert pattern_id("tool", "Bash") == "36925efaf7e3c2c9559e6785b3ec1cd5"
    assert id_hash("claude-code", "toolu_1").hex() == "d99a5112126f3578f4435eefc8b6ab81"
    assert letter_id("somewhere", b"bytes") == "6222df1463e4c7c2bbd9bedfcbc6660f"


def test_letters_of_other_origins_have_other_ids() -> None:
    assert letter_id("a", b"x") != letter_id("b", b"x") != letter_id("b", b"y")
