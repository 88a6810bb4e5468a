"""Dead letters: what is kept of what was refused."""

from hashlib import sha256

import pytest

from schemas.errors import Refused
from schemas.letters import KEPT_BYTES, WHOLE_BYTES, event_of, letter
from schemas.log import Outgoing, Record
from schemas.topics import AGENT_EVENTS

REFUSED = Refused("not_json", "it is none")


def letter_about(value: bytes) -> Outgoing:
    return letter(
        value, REFUSED, 4, origin="a file", origin_topic=AGENT_EVENTS.name, refused_at_us=1
    )


def test_up_to_the_limit_every_byte_is_kept() -> None:
    value = b"x" * WHOLE_BYTES

    assert letter_about(value).value == value


def test_of_a_larger_one_the_beginning_is_kept_with_length_and_hash_of_all() -> None:
    value = b"beginning" + b"x" * WHOLE_BYTES
    found = letter_about(value)
    about = dict(found.headers)

    assert found.value == value[:KEPT_BYTES]
    assert about["length"] == b"%d" % len(value)
    assert about["sha256"] == sha256(value).hexdigest().encode()


def test_two_large_ones_with_the_same_beginning_are_two_letters() -> None:
    one, other = (letter_about(b"x" * (WHOLE_BYTES + 1) + end) for end in (b"1", b"2"))

    assert one.value == other.value
    assert one.key != other.key


def test_what_was_cut_is_no_event_when_it_is_tried_again() -> None:
    found = letter_about(b'{"specversion": "1.0", "data": "' + b"x" * WHOLE_BYTES + b'"}')
    record = Record(found.topic, found.partition, 0, found.key, found.value, found.headers, 1)

    with pytest.raises(Refused):
        event_of(record)
