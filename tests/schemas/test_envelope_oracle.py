"""The envelope against the reference library of CloudEvents: each reads what the other writes."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import from_us
from schemas.envelope import Event, data_bytes, decode, from_structured, outgoing, to_structured
from schemas.log import Record
from tests.strategies import events

FORMAT = JSONFormat()
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))

# The reference library knows no unknown moment: without one it takes its own clock's.
timed = events().filter(lambda event: event.time_us is not None)


def assert_means_the_same(theirs: BaseCloudEvent, ours: Event) -> None:
    """Every attribute, every extension and the data are equal in meaning."""
    assert theirs.get_id() == ours.id
    assert theirs.get_source() == ours.source
    assert theirs.get_type() == ours.type
    assert theirs.get_specversion() == "1.0"
    assert theirs.get_subject() == ours.subject
    assert theirs.get_datacontenttype() == "application/json"
    assert ours.time_us is not None
    assert theirs.get_time() == from_us(ours.time_us)
    assert theirs.get_data() == msgspec.json.decode(data_bytes(ours.data))
    assert theirs.get_extension("partitionkey") == ours.key.decode()
    for name, value in ours.extensions.items():
        assert theirs.get_extension(name) == value
    revision = theirs.get_extension("revision")
    assert (None if revision is None else int(revision)) == ours.revision


def as_theirs(event: Event, offset: timezone) -> CloudEvent:
    """The same event as a user of the reference library would build it."""
    assert event.time_us is not None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=event.time_us)
    try:
        moment = moment.astimezone(offset)
    except OverflowError:  # within a day of year 1 or 9999 there is no such local time
        moment = from_us(event.time_us)
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": moment,
        "datacontenttype": "application/json",
        "partitionkey": event.data.partition_key(),
        **event.extensions,
    }
    if event.subject is not None:
        attributes["subject"] = event.subject
    if event.revision is not None:
        attributes["revision"] = event.revision
    if event.recorded_us is not None:
        attributes["recordedtime"] = from_us(event.recorded_us).isoformat()
    return CloudEvent(attributes, msgspec.json.decode(data_bytes(event.data)))


def decoded(message: kafka.KafkaMessage) -> Event:
    """What we read from a message of the reference library."""
    key = message.key.encode() if isinstance(message.key, str) else message.key
    return decode(Record("topic", 0, 0, key, message.value, tuple(message.headers.items()), 0))


@given(timed)
def test_the_reference_reads_our_binary_records(event: Event) -> None:
    ours = outgoing(event, 4)
    assert ours.value is not None

    message = kafka.KafkaMessage(dict(ours.headers), ours.key, ours.value)

    assert_means_the_same(kafka.from_binary(message, FORMAT), event)


@given(timed)
def test_the_reference_reads_our_structured_records(event: Event) -> None:
    headers = {"content-type": b"application/cloudevents+json"}

    message = kafka.KafkaMessage(headers, event.key, to_structured(event))

    assert_means_the_same(kafka.from_kafka(message, FORMAT), event)


@given(timed)
def test_the_reference_reads_our_documents_over_http(event: Event) -> None:
    headers = {"content-type": "application/cloudevents+json"}

    message = http.HTTPMessage(headers, to_structured(event))

    assert_means_the_same(http.from_http(message, FORMAT), event)


@given(timed, OFFSETS)
def test_we_read_binary_records_of_the_reference(event: Event, offset: timezone) -> None:
    assert decoded(kafka.to_binary(as_theirs(event, offset), FORMAT)) == event


@given(timed, OFFSETS)
def test_we_read_structured_records_of_the_reference(event: Event, offset: timezone) -> None:
    assert decoded(kafka.to_structured(as_theirs(event, offset), FORMAT)) == event


@given(timed, OFFSETS)
def test_we_read_documents_of_the_reference_over_http(event: Event, offset: timezone) -> None:
    assert from_structured(http.to_structured(as_theirs(event, offset), FORMAT).body) == event
