"""What is refused, each with the reason a person finds beside the dead letter."""

from typing import Any

import msgspec
import pytest

from schemas.envelope import (
    SIZE_MAX,
    STRUCTURED,
    Event,
    decode,
    from_binary,
    from_structured,
    to_binary,
)
from schemas.errors import Refused
from schemas.log import Record

CALL = {"session_id": "s", "agent": "a", "tool": "t"}
TASK = {"task_type": "t", "agent": "a", "success": True}
MODEL = {"session_id": "s", "agent": "a", "message_id": "m", "model": "o"}
DOCUMENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "test",
    "type": "motif.tool.called.v1",
    "time": "2025-01-01T00:00:00Z",
    "data": CALL,
}
DEEP = b"[" * 50_000 + b"]" * 50_000

BAD_VALUES: list[tuple[str, str, bytes, str]] = [
    ("empty value", "tool.called", b"", "not_json"),
    ("text", "tool.called", b"hello", "not_json"),
    ("cut off", "tool.called", b'{"session_id":"s"', "not_json"),
    ("something behind", "tool.called", b'{"session_id":"s","agent":"a","tool":"t"}}', "not_json"),
    ("byte order mark", "tool.called", b'\xef\xbb\xbf{"session_id":"s"}', "not_json"),
    ("single quotes", "tool.called", b"{'session_id':'s'}", "not_json"),
    ("UTF-16", "tool.called", '{"session_id":"s"}'.encode("utf-16"), "not_json"),
    ("no object", "tool.called", b"[]", "invalid_payload"),
    ("null", "tool.called", b"null", "invalid_payload"),
    ("a string", "tool.called", b'"s"', "invalid_payload"),
    ("deep nesting", "tool.called", DEEP, "not_json"),
    ("deep NaN", "tool.called", b"[" * 100_000 + b"NaN", "not_json"),
    ("deep nesting of an old version", "task.completed.v0", b'{"a":' + DEEP + b"}", "not_json"),
    ("no object of an old version", "task.completed.v0", b"[]", "invalid_payload"),
    ("text of an old version", "task.completed.v0", b"hello", "not_json"),
]
BAD_FIELDS: list[tuple[str, dict[str, Any], bytes, str]] = [
    ("tool.called", CALL, b'"tool":1', "invalid_payload"),
    ("tool.called", CALL, b'"tool":null', "invalid_payload"),
    ("tool.called", CALL, b'"tool":""', "invalid_payload"),
    ("tool.called", CALL, b'"tool":["t"]', "invalid_payload"),
    ("tool.called", CALL, b'"session_id":""', "invalid_payload"),
    ("tool.called", CALL, b'"previous_event_id":""', "invalid_payload"),
    ("tool.called", CALL, b'"tool":"' + b"x" * 1025 + b'"', "invalid_payload"),
    ("tool.called", CALL, b'"seq":-1', "invalid_payload"),
    ("tool.called", CALL, b'"seq":true', "invalid_payload"),
    ("tool.called", CALL, b'"seq":"1"', "invalid_payload"),
    ("tool.called", CALL, b'"seq":1.0', "invalid_payload"),
    ("tool.called", CALL, b'"seq":9223372036854775808', "invalid_payload"),
    ("tool.called", CALL, b'"seq":NaN', "not_json"),
    ("tool.called", CALL, b'"seq":1e999', "not_json"),
    ("tool.called", CALL, b'"seq":' + b"1" * 5_000, "not_json"),
    ("tool.called", CALL, b'"tool":"\xff"', "not_json"),
    ("tool.called", CALL, b'"tool":"\xed\xa0\x80"', "not_json"),
    ("tool.called", CALL, rb'"tool":"\ud800"', "not_json"),
    ("tool.called", CALL, rb'"tool":"\udc00"', "not_json"),
    ("tool.called", CALL, b'"tool":"\x00"', "not_json"),
    ("tool.called", CALL, b'"new":NaN', "not_json"),
    ("tool.called", CALL, b'"new":{"a":[[-Infinity]]}', "not_json"),
    ("tool.called", CALL, b'"new":1e999', "not_json"),
    ("tool.called", CALL, b'"new":[{"a":-1e999}]', "not_json"),
    ("tool.called", CALL, rb'"new":"\ud800"', "not_json"),
    (
        "tool.finished",
        {"session_id": "s", "call_id": "c", "ok": True},
        b'"ok":1',
        "invalid_payload",
    ),
    (
        "tool.finished",
        {"session_id": "s", "call_id": "c", "ok": False},
        b'"error_class":"somebody\'s text"',
        "invalid_payload",
    ),
    ("task.completed", TASK, b'"success":"yes"', "invalid_payload"),
    ("task.completed", TASK, b'"duration_us":-1', "invalid_payload"),
    ("task.completed", TASK, b'"coverage_percent":100.1', "invalid_payload"),
    ("task.completed", TASK, b'"coverage_percent":NaN', "not_json"),
    ("task.completed", TASK, b'"coverage_percent":true', "invalid_payload"),
    ("task.completed", TASK, b'"environment":"moon"', "invalid_payload"),
    ("task.completed", TASK, b'"tags":"one"', "invalid_payload"),
    ("task.completed", TASK, b'"metadata":[]', "invalid_payload"),
    ("task.completed", TASK, b'"metadata":{"a":{"b":Infinity}}', "not_json"),
    ("task.completed", TASK, b'"metadata":{"a":{"b":1e999}}', "not_json"),
    ("task.completed", TASK, b'"cost_usd":-0.01', "invalid_payload"),
    ("task.completed", TASK, b'"cost_usd":true', "invalid_payload"),
    ("model.called", MODEL, b'"cost_usd":"NaN"', "invalid_payload"),
    ("model.called", MODEL, b'"cost_usd":"Infinity"', "invalid_payload"),
    ("model.called", MODEL, b'"cost_usd":"1e-500"', "invalid_payload"),
    ("model.called", MODEL, b'"cost_usd":"1e999999999"', "invalid_payload"),
    ("model.called", MODEL, b'"cost_usd":1e400', "not_json"),
    ("model.called", MODEL, b'"cost_usd":1000000000', "invalid_payload"),
    ("task.completed.v0", TASK, b'"duration_ms":true', "invalid_payload"),
    ("task.completed.v0", TASK, b'"duration_ms":"x"', "invalid_payload"),
    ("task.completed.v0", TASK, b'"duration_ms":[1]', "invalid_payload"),
    ("task.completed.v0", TASK, b'"duration_ms":-1', "invalid_payload"),
    ("task.completed.v0", TASK, b'"duration_ms":1e308', "invalid_payload"),
    ("task.completed.v0", TASK, b'"duration_ms":NaN', "not_json"),
    ("task.completed.v0", TASK, b'"metadata":{"a":1e999}', "not_json"),
]
GONE = object()
BAD_ATTRIBUTES: list[tuple[str, dict[str, Any], str]] = [
    ("no specversion", {"specversion": GONE}, "not_cloudevent"),
    ("another specversion", {"specversion": "0.3"}, "not_cloudevent"),
    ("a number for specversion", {"specversion": 1.0}, "not_cloudevent"),
    ("no id", {"id": GONE}, "not_cloudevent"),
    ("empty id", {"id": ""}, "not_cloudevent"),
    ("a number for id", {"id": 7}, "not_cloudevent"),
    ("null id", {"id": None}, "not_cloudevent"),
    ("no source", {"source": GONE}, "not_cloudevent"),
    ("empty source", {"source": ""}, "not_cloudevent"),
    ("no type", {"type": GONE}, "not_cloudevent"),
    ("empty type", {"type": ""}, "not_cloudevent"),
    ("a list for type", {"type": ["motif.tool.called.v1"]}, "not_cloudevent"),
    ("unknown type", {"type": "motif.tool.dreamt.v1"}, "unknown_type"),
    ("foreign type", {"type": "com.example.thing"}, "unknown_type"),
    ("unknown version", {"type": "motif.tool.called.v2"}, "unknown_version"),
    ("empty subject", {"subject": ""}, "not_cloudevent"),
    ("a number for subject", {"subject": 1}, "not_cloudevent"),
    ("time without offset", {"time": "2025-01-01T00:00:00"}, "bad_time"),
    ("a date for time", {"time": "2025-01-01"}, "bad_time"),
    ("text for time", {"time": "noon"}, "bad_time"),
    ("a number for time", {"time": 1_735_689_600}, "not_cloudevent"),
    ("empty time", {"time": ""}, "not_cloudevent"),
    ("time before year 1", {"time": "0001-01-01T00:00:00+01:00"}, "bad_time"),
    ("recorded time without offset", {"recordedtime": "2025-01-01T00:00:00"}, "bad_time"),
    ("data as base64", {"data": GONE, "data_base64": "e30="}, "not_cloudevent"),
    ("no data", {"data": GONE}, "invalid_payload"),
    ("data as text", {"data": msgspec.json.encode(CALL).decode()}, "invalid_payload"),
    ("no JSON announced", {"datacontenttype": "text/plain"}, "not_cloudevent"),
    ("something like JSON announced", {"datacontenttype": "text/notjson"}, "not_cloudevent"),
    ("a number for content type", {"datacontenttype": 1}, "not_cloudevent"),
    ("an extension in upper case", {"Trace": "x"}, "not_cloudevent"),
    ("an extension with underscore", {"trace_id": "x"}, "not_cloudevent"),
    ("an extension without name", {"": "x"}, "not_cloudevent"),
    ("an extension with a long name", {"a" * 21: "x"}, "not_cloudevent"),
    ("an object for an extension", {"trace": {}}, "not_cloudevent"),
    ("a fraction for an extension", {"trace": 0.5}, "not_cloudevent"),
    ("revision of what cannot be amended", {"revision": 0, "subject": "1"}, "bad_revision"),
]
REVISED = {**DOCUMENT, "type": "motif.model.called.v1", "data": MODEL, "id": "m@2", "subject": "m"}
BAD_REVISIONS: list[tuple[str, dict[str, Any]]] = [
    ("another number in the id", {"revision": 3}),
    ("no subject", {"revision": 2, "subject": GONE}),
    ("another subject", {"revision": 2, "subject": "n"}),
    ("no number in the id", {"revision": 2, "id": "m"}),
    ("negative", {"revision": -1, "id": "m@-1"}),
    ("a truth value", {"revision": True, "id": "m@True"}),
    ("a fraction", {"revision": 2.0, "id": "m@2.0"}),
    ("no number", {"revision": "two", "id": "m@two"}),
    ("digits of another script", {"revision": "٢", "id": "m@٢"}),
    ("too great", {"revision": 2**63, "id": f"m@{2**63}"}),
]


def changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The document with some attributes replaced or gone."""
    return {name: value for name, value in {**document, **changes}.items() if value is not GONE}


def in_binary(type_name: str, value: bytes) -> Event:
    """What we read from a binary record with this value."""
    full = type_name if type_name.count(".") == 2 else f"{type_name}.v1"
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"test"),
        ("ce_type", f"motif.{full}".encode()),
        ("content-type", b"application/json"),
    )
    return decode(Record("topic", 0, 0, None, value, headers, 0))


def in_structured(type_name: str, value: bytes) -> Event:
    """What we read from one document with this data."""
    full = type_name if type_name.count(".") == 2 else f"{type_name}.v1"
    head = (
        b'{"specversion":"1.0","id":"1","source":"test","type":"motif.%b","data":' % full.encode()
    )
    return from_structured(head + value + b"}")


def with_field(data: dict[str, Any], field: bytes) -> bytes:
    """Valid data with one more field written as it stands; it comes last, so it wins."""
    return msgspec.json.encode(data)[:-1] + b"," + field + b"}"


@pytest.mark.parametrize(
    ("type_name", "value", "reason"),
    [row[1:] for row in BAD_VALUES],
    ids=[r[0] for r in BAD_VALUES],
)
def test_values_that_are_no_payload(type_name: str, value: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        in_binary(type_name, value)

    assert refused.value.reason == reason
    assert len(refused.value.detail) < 1_000


@pytest.mark.parametrize("read", [in_binary, in_structured])
@pytest.mark.parametrize(
    ("type_name", "data", "field", "reason"),
    BAD_FIELDS,
    ids=[f"{r[0]}-{r[2][:30]!r}" for r in BAD_FIELDS],
)
def test_fields_that_are_wrong(
    read: Any, type_name: str, data: dict[str, Any], field: bytes, reason: str
) -> None:
    assert read(type_name, msgspec.json.encode(data)).id == "1"

    with pytest.raises(Refused) as refused:
        read(type_name, with_field(data, field))

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("changes", "reason"), [row[1:] for row in BAD_ATTRIBUTES], ids=[r[0] for r in BAD_ATTRIBUTES]
)
def test_attributes_that_are_wrong(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        from_structured(msgspec.json.encode(changed(DOCUMENT, changes)))

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        row[1:]
        for row in BAD_ATTRIBUTES
        if all(isinstance(v, str) or v is GONE for v in row[1].values()) and "data" not in row[1]
    ],
)
def test_attributes_that_are_wrong_as_headers(changes: dict[str, Any], reason: str) -> None:
    attributes = changed(DOCUMENT, changes)
    attributes.pop("data")
    headers = tuple((f"ce_{name}", str(value).encode()) for name, value in attributes.items())

    with pytest.raises(Refused) as refused:
        from_binary(headers, msgspec.json.encode(CALL))

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "changes", [r[1] for r in BAD_REVISIONS], ids=[r[0] for r in BAD_REVISIONS]
)
def test_revisions_that_are_wrong(changes: dict[str, Any]) -> None:
    good = {**REVISED, "revision": 2}
    assert from_structured(msgspec.json.encode(good)).revision == 2

    with pytest.raises(Refused) as refused:
        from_structured(msgspec.json.encode(changed(REVISED, changes)))

    assert refused.value.reason == "bad_revision"


@pytest.mark.parametrize(
    "document",
    [b"", b"x", b"{", b'{"id":"\xff"}', rb'{"id":"\ud800"}', DEEP, b'{"time":NaN}', b"{}x"],
)
def test_documents_that_are_no_json(document: bytes) -> None:
    with pytest.raises(Refused) as refused:
        from_structured(document)

    assert refused.value.reason == "not_json"


@pytest.mark.parametrize("document", [b"[]", b"null", b'"text"', b"1", b"{}"])
def test_documents_that_are_no_cloudevent(document: bytes) -> None:
    with pytest.raises(Refused) as refused:
        from_structured(document)

    assert refused.value.reason == "not_cloudevent"


@pytest.mark.parametrize(
    "content_type",
    [b"text/plain", b"image/png", b"\xff", b""],
)
def test_a_binary_record_must_announce_json_or_nothing(content_type: bytes) -> None:
    headers, value = to_binary(from_structured(msgspec.json.encode(DOCUMENT)))
    others = tuple(header for header in headers if header[0] != "content-type")

    assert from_binary(others, value).id == "1"
    with pytest.raises(Refused) as refused:
        from_binary((*others, ("content-type", content_type)), value)

    assert refused.value.reason == "not_cloudevent"


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "text/json", "application/vnd.x+json"],
)
def test_json_may_be_announced_in_many_words(content_type: str) -> None:
    document = {**DOCUMENT, "datacontenttype": content_type}

    assert from_structured(msgspec.json.encode(document)).id == "1"


@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
@pytest.mark.parametrize(
    "content_type", [STRUCTURED, b"Application/CloudEvents+JSON; charset=UTF-8"]
)
def test_a_structured_record_is_known_by_its_content_type(name: str, content_type: bytes) -> None:
    value = msgspec.json.encode(DOCUMENT)

    assert decode(Record("topic", 0, 0, None, value, ((name, content_type),), 0)).id == "1"


@pytest.mark.parametrize(
    "name", ["ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_trace"]
)
def test_headers_that_are_not_utf_8_are_refused(name: str) -> None:
    headers, value = to_binary(from_structured(msgspec.json.encode(DOCUMENT)))
    others = tuple(header for header in headers if header[0] != name)

    with pytest.raises(Refused) as refused:
        from_binary((*others, (name, b"\xff")), value)

    assert refused.value.reason == "not_cloudevent"


def test_a_record_without_value_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        decode(Record("topic", 0, 0, b"k", None, (), 0))

    assert refused.value.reason == "not_cloudevent"


def test_an_event_has_at_most_one_mebibyte() -> None:
    def value_of(size: int) -> bytes:
        return with_field(CALL, b'"new":"' + b"x" * (size - 50) + b'"')

    assert len(value_of(SIZE_MAX)) == SIZE_MAX == 1_048_576
    assert in_binary("tool.called", value_of(SIZE_MAX)).id == "1"
    for read in (in_binary, in_structured):
        with pytest.raises(Refused) as refused:
            read("tool.called", value_of(SIZE_MAX + 1))
        assert refused.value.reason == "too_large"


@pytest.mark.parametrize("name", ["ce_id", "ce_subject", "ce_trace"])
def test_headers_count_to_the_size_of_an_event(name: str) -> None:
    headers, value = to_binary(from_structured(msgspec.json.encode(DOCUMENT)))
    others = tuple(header for header in headers if header[0] != name)
    record = Record("topic", 0, 0, None, value, (*others, (name, b"x" * (SIZE_MAX + 1))), 0)

    with pytest.raises(Refused) as refused:
        decode(record)

    assert refused.value.reason == "too_large"


def test_the_year_2099_is_accepted() -> None:
    """It counts later as `undated`: only the log knows when the event arrived."""
    event = from_structured(msgspec.json.encode({**DOCUMENT, "time": "2099-01-01T00:00:00Z"}))

    assert event.time_us == 4_070_908_800_000_000


@pytest.mark.parametrize("field", [b'"new":"NaN"', b'"new":"Infinity and beyond"', b'"NaN":1e300'])
def test_words_and_great_numbers_are_no_reason_to_refuse(field: bytes) -> None:
    assert in_binary("tool.called", with_field(CALL, field)).data.model_extra
