"""Secrets planted everywhere in the input, and searched for in everything learned from it."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.devices import DeviceProbed
from schemas.envelope import Event, outgoing, to_binary
from schemas.events import PAYLOADS, ToolCalled, ToolFinished
from schemas.fact import Payload
from schemas.ids import partition_of
from schemas.log import Log, Outgoing
from schemas.topics import (
    AGENT_EVENTS,
    DEAD_LETTERS,
    EVENT_DUPLICATES,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
)
from tests.streams.worlds import NOW, bring, learn, log_of, records, tallies

MARK = "zqmark"
"""Part of every secret; no spelling of a signature or of JSON changes it."""

SECRETS = [
    f"/home/{MARK}/notes.txt",
    f"{MARK}@example.com",
    f"sk-ant-{MARK}0123456789",
    f"my password is {MARK}",
    f"https://{MARK}/x",
    f"{MARK}.corp.internal",
    f"{MARK}:5432",
    f"10.0.0.1/{MARK}",
    f"00:1B:44:11:3A:B7-{MARK}",
    f"mcp__{MARK}__query",
    f"mcp__{MARK}",
    f"{MARK}\n",
    f"é{MARK}",
    f"{MARK}" * 21,
]
ANSWERS: list[Any] = [[], {}, True, 1, 1.5, "rejected", "development", "minor", Decimal(1)]
DOWNSTREAM = (PATTERN_CONTRIBUTIONS, PATTERNS, LEARNER_CHECKPOINTS, EVENT_DUPLICATES)
OF_AGENTS = [
    payload
    for payload in PAYLOADS.values()
    if payload.topic is AGENT_EVENTS and not payload.reserved  # these hold no text of anybody's
]


def filled(payload: type[Payload], secret: str) -> Payload:
    """A payload with the secret in every field that takes text, and in one nobody knows."""
    values: dict[str, Any] = {"unknown": {secret: [secret]}}
    for name in payload.model_fields:
        answers = (secret, [secret], {secret: secret}, *ANSWERS)
        values[name] = next(answer for answer in answers if takes(payload, name, answer))
    return payload.model_validate(values)


def takes(payload: type[Payload], name: str, answer: Any) -> bool:
    """Whether a field takes a value, whatever the others need."""
    try:
        payload.model_validate({name: answer})
    except ValidationError as error:
        return all(one["loc"][0] != name for one in error.errors())
    return True


def planted() -> Iterator[Event]:
    """Every type with every secret, also in id, source, subject and extensions."""
    for secret in SECRETS:
        for payload in OF_AGENTS:
            data = filled(payload, secret)
            extensions = {"traceparent": secret}
            yield Event(
                secret, f"{payload.type}/{secret}", data, NOW, secret, extensions=extensions
            )
            if payload.amendable:
                yield Event(secret, f"{secret}@2", data, NOW, secret, 2)
        yield from devices(secret)
    yield from chain()


def devices(secret: str) -> Iterator[Event]:
    """Probes with the secret in what is a device's own, and in what would name its sort."""
    said: dict[str, Any] = {
        **dict.fromkeys(("address", "product", "serial", "mac", "vendor", "revision"), secret),
        "objects": {secret: secret},
        "run_id": secret,
        "port": 502,
        "protocol": "modbus.tcp",
        "transport": "tcp",
        "path": "slow",
        "outcome": "identified",
        "exchanges": [],
        "evidence": "identity",
        "decoder_version": 1,
    }
    sorts: list[dict[str, Any]] = [
        {"vendor_id": 7, "product_code": "9"},
        {"vendor_id": 7, "product_code": secret},
        {},
    ]
    for number, sort in enumerate(sorts):
        data = DeviceProbed.model_validate({**said, **sort})
        yield Event(secret, f"{MARK}/{number}", data, NOW, secret)


def chain() -> Iterator[Event]:
    """One session whose every tool is a secret, failing and succeeding: all kinds come of it."""
    before = None
    for number, tool in enumerate(SECRETS * 3):
        name = f"{MARK}-{number}"
        call = ToolCalled(
            session_id=MARK, agent=tool, tool=tool, previous_event_id=before, seq=number
        )
        yield Event(MARK, name, call, NOW)
        result = ToolFinished(session_id=MARK, call_id=name, ok=number % 3 != 0)
        yield Event(MARK, f"{name}/result", result, NOW + 1)
        before = name


def found(log: Log) -> list[str]:
    """Where the mark stands downstream."""
    return [
        f"{topic.name}/{record.partition}/{record.offset}"
        for topic in DOWNSTREAM
        for record in records(log, topic)
        for part in (record.key, record.value, *(text for _, text in record.headers))
        if part is not None and MARK.encode() in part
    ]


@pytest.fixture
def log() -> Log:
    """A log full of secrets, as events, as repeats and as what is refused."""
    log = log_of(2)
    events = list(planted())
    log.append([outgoing(event, 2) for event in events * 2])
    for secret in SECRETS:
        log.append([Outgoing(AGENT_EVENTS.name, 0, secret.encode(), secret.encode())] * 2)
    head, value = to_binary(events[0])
    key = events[0].key
    contradiction = (
        *(one for one in head if one[0] != "ce_time"),
        ("ce_time", b"2020-01-01T00:00:00Z"),
    )
    log.append([Outgoing(AGENT_EVENTS.name, partition_of(key, 2), key, value, contradiction)])
    learn(log)
    return log


def test_no_secret_is_in_anything_learned(log: Log) -> None:
    assert found(log) == []


def test_the_secrets_were_learned_from(log: Log) -> None:
    """Otherwise the test above would mean nothing."""
    assert {pattern[0] for pattern in tallies(log)} == {
        *("tool", "tool_usage", "task_sequence", "error_recovery", "model", "task"),
        *("error", "agent_usage", "correction", "device"),
    }
    assert ("tool", "mcp__*__query") in tallies(log)
    assert len(records(log, DEAD_LETTERS)) == len(SECRETS)
    assert any(MARK.encode() in (letter.value or b"") for letter in records(log, DEAD_LETTERS))
    assert any(
        b'"conflicting":true' in (one.value or b"") for one in records(log, EVENT_DUPLICATES)
    )


def test_no_secret_reaches_another_site(log: Log) -> None:
    other = log_of(1)
    bring(log, other, "there")
    assert tallies(other) == tallies(log)
    assert found(other) == []


@pytest.mark.parametrize("payload", OF_AGENTS)
def test_every_text_of_every_type_was_planted(payload: type[Payload]) -> None:
    data = filled(payload, MARK)
    of_text = {
        name
        for name, field in payload.model_fields.items()
        if re.search(r"\bstr\b|JsonValue", str(field.annotation))
    }
    assert of_text
    assert all(MARK in str(getattr(data, name)) for name in of_text)
