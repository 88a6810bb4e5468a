"""A set of ids in packed runs is a dictionary, whatever was added when."""

from hypothesis import given
from hypothesis import strategies as st

from streams.dedupe import WIDTH, Seen

# Few different words, so that first halves collide and second halves tell apart.
words = st.sampled_from([b"\0" * 8, b"\xff" * 8, b"abcdefgh", b"\0" * 7 + b"\1"])
ids = st.builds(bytes.__add__, words, words | st.binary(min_size=8, max_size=8))
batches = st.lists(st.dictionaries(ids, st.binary(min_size=8, max_size=8), max_size=9), max_size=9)


@given(batches, st.lists(ids))
def test_ids_are_found_with_their_content_and_no_others(
    added: list[dict[bytes, bytes]], others: list[bytes]
) -> None:
    seen = Seen()
    known: dict[bytes, bytes] = {}
    for batch in added:
        new = {one: content for one, content in batch.items() if one not in known}
        assert seen.lookup(list(batch)) == [known.get(one) for one in batch]
        seen.extend(b"".join(one + content for one, content in new.items()))
        known |= new
    wanted = [*known, *others]
    assert seen.lookup(wanted) == [known.get(one) for one in wanted]
    again = Seen(b"".join(one + content for one, content in known.items()))
    assert again.lookup(wanted) == seen.lookup(wanted)
    assert len(seen) == len(again) == len(known)


def test_the_number_of_runs_grows_with_the_logarithm_only() -> None:
    seen = Seen()
    for number in range(2_000):
        seen.extend(number.to_bytes(WIDTH, "big"))
    assert len(seen._runs) <= 12
    assert sum(run.nbytes for run in seen._runs) == 2_000 * WIDTH
