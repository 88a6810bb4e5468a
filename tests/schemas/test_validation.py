"""What is accepted as an agent record, and what is refused for which reason.

The first half are the assertions that the format's own tests make, the second the cases in which
those who wrote it were too lenient or too strict.
"""

from datetime import timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.stamps import read_stamp
from schemas.validation import (
    PatternType,
    Reason,
    Validity,
    known_fields,
    required_fields,
    validate_agent_usage,
    validate_context,
    validate_error_occurrence,
    validate_pattern,
    validate_task_completion,
    validate_user_correction,
)
from tests.strategies import json_values

TASK: dict[str, Any] = {"task_type": "t", "agent": "a", "duration_ms": 2_500, "success": True}
ERROR: dict[str, Any] = {"error_type": "TypeError", "error_message": "m"}
USAGE: dict[str, Any] = {"agent_type": "a", "task_type": "t", "success": True, "duration_ms": 5}
CORRECTION: dict[str, Any] = {
    "original_output": "x",
    "corrected_output": "y",
    "correction_type": "type_safety",
    "agent": "a",
}
CONTEXT: dict[str, Any] = {
    "project_name": "p",
    "session_id": "s",
    "user_id": "u",
    "environment": "production",
    "git_branch": "main",
    "git_commit": "abc123",
    "timestamp": "2025-11-29T10:00:00",
    "tags": ["production"],
    "metadata": {"region": "us-west-2"},
}
PATTERN: dict[str, Any] = {
    "pattern_id": "p-1",
    "pattern_type": "task_completion",
    "timestamp": "2025-11-29T10:00:00",
    "data": TASK,
    "context": CONTEXT,
    "version": "1.0",
}
VALIDATORS = {
    "task": (validate_task_completion, TASK),
    "error": (validate_error_occurrence, ERROR),
    "usage": (validate_agent_usage, USAGE),
    "correction": (validate_user_correction, CORRECTION),
    "context": (validate_context, CONTEXT),
    "pattern": (validate_pattern, PATTERN),
}


def judged(of: str, **changed: Any) -> Validity:
    """The judgement on a valid record of a sort, with some fields changed."""
    validate, valid = VALIDATORS[of]
    return validate({**valid, **changed})


def without(of: str, name: str) -> Validity:
    validate, valid = VALIDATORS[of]
    return validate({field: value for field, value in valid.items() if field != name})


@pytest.mark.parametrize("of", VALIDATORS)
def test_what_is_complete_is_valid(of: str) -> None:
    found = judged(of)

    assert found
    assert found == Validity()


@pytest.mark.parametrize(
    ("of", "name"),
    [
        *(("task", name) for name in TASK),
        *(("error", name) for name in ERROR),
        *(("usage", name) for name in USAGE),
        *(("correction", name) for name in CORRECTION),
        *(("pattern", name) for name in ("pattern_id", "pattern_type", "timestamp", "data")),
    ],
)
def test_what_is_required_must_be_there(of: str, name: str) -> None:
    for found in (without(of, name), judged(of, **{name: None})):
        assert not found
        assert [(one.field, one.value) for one in found.reasons] == [(name, None)]


@pytest.mark.parametrize("name", [*CONTEXT])
def test_nothing_of_a_context_is_required(name: str) -> None:
    assert without("context", name)
    assert judged("context", **{name: None})


def test_a_pattern_needs_neither_context_nor_version() -> None:
    assert without("pattern", "context")
    assert without("pattern", "version")


CASES: dict[str, tuple[str, str, Any, bool]] = {
    # What the format's own tests assert.
    "a duration is no word": ("task", "duration_ms", "invalid", False),
    "a duration is not negative": ("task", "duration_ms", -100, False),
    "coverage is at most 100": ("task", "coverage_percent", 150, False),
    "coverage may be 85.5": ("task", "coverage_percent", 85.5, True),
    "a line number is not negative": ("error", "line_number", -5, False),
    "a line number may be 42": ("error", "line_number", 42, True),
    "tools are names only": ("usage", "tools_used", ["Read", 5, "Write"], False),
    "tools may be names": ("usage", "tools_used", ["Read", "Write"], True),
    "a use has a duration from 0 on": ("usage", "duration_ms", -1, False),
    "severity is no other word": ("correction", "severity", "ultra-critical", False),
    "severity may be minor": ("correction", "severity", "minor", True),
    "severity may be moderate": ("correction", "severity", "moderate", True),
    "severity may be critical": ("correction", "severity", "critical", True),
    "an agent's name is a string": ("correction", "agent", 5, False),
    "an environment is no other word": ("context", "environment", "super-production", False),
    "an environment may be development": ("context", "environment", "development", True),
    "an environment may be staging": ("context", "environment", "staging", True),
    "tags are names only": ("context", "tags", ["a", 5], False),
    "a context's timestamp is one": ("context", "timestamp", "not-a-valid-timestamp", False),
    "a timestamp is one": ("pattern", "timestamp", "not-a-valid-timestamp", False),
    "a type is one of four": ("pattern", "pattern_type", "invalid_type", False),
    "data fit the type": ("pattern", "pattern_type", "error_occurrence", False),
    "a context is checked too": ("pattern", "context", {"environment": "x"}, False),
    # Where those tests are silent, and what is decided here.
    "true is no duration": ("task", "duration_ms", True, False),
    "a duration is whole": ("task", "duration_ms", 1.5, False),
    "a duration may be 0": ("task", "duration_ms", 0, True),
    "a duration fits an event": ("task", "duration_ms", 2**63 // 1_000 + 1, False),
    "coverage may be 0": ("task", "coverage_percent", 0, True),
    "coverage may be 100": ("task", "coverage_percent", 100, True),
    "coverage is not 100.1": ("task", "coverage_percent", 100.1, False),
    "coverage is a number": ("task", "coverage_percent", float("nan"), False),
    "coverage is not endless": ("task", "coverage_percent", float("inf"), False),
    "coverage may be absent": ("task", "coverage_percent", None, True),
    "true is no coverage": ("task", "coverage_percent", True, False),
    "true is no line number": ("error", "line_number", True, False),
    "a line number may be absent": ("error", "line_number", None, True),
    "1 is not success": ("task", "success", 1, False),
    "a task type is not empty": ("task", "task_type", "", False),
    "an error message is not empty": ("error", "error_message", "", False),
    "an optional text is not empty either": ("error", "stack_trace", "", False),
    "files are not negative": ("task", "files_created", -5, False),
    "files are a number": ("task", "files_created", "x", False),
    "a day is its midnight": ("pattern", "timestamp", "2025-11-29", True),
    "a week is no timestamp": ("pattern", "timestamp", "2025-W48-6", False),
    "a timestamp may have an offset": ("pattern", "timestamp", "2025-11-29T10:00:00+09:00", True),
    "a timestamp may end in Z": ("pattern", "timestamp", "2025-11-29T10:00:00.5Z", True),
    "a number is no timestamp": ("pattern", "timestamp", 1_764_410_400, False),
    "an id is not empty": ("pattern", "pattern_id", "", False),
    "an id is a string": ("pattern", "pattern_id", 3, False),
    "a context is not null": ("pattern", "context", None, False),
    "a context is no list": ("pattern", "context", [], False),
    "data are no list": ("pattern", "data", [], False),
    "a type is hashable": ("pattern", "pattern_type", [], False),
    "half a surrogate is no text": ("error", "error_message", "\ud800", False),
    "auto_resolved is true or false": ("error", "auto_resolved", "yes", False),
    "memory is a number": ("usage", "memory_mb", "125", False),
    "metadata are an object": ("context", "metadata", ["x"], False),
}


@pytest.mark.parametrize(("of", "name", "value", "valid"), CASES.values(), ids=CASES)
def test_each_field_is_what_it_must_be(of: str, name: str, value: Any, *, valid: bool) -> None:
    found = judged(of, **{name: value})

    assert bool(found) is valid
    assert bool(found.reasons) is not valid


def test_a_reason_names_the_field_the_value_and_the_rule() -> None:
    found = judged("pattern", data={**TASK, "duration_ms": -1}, context={"tags": 5})

    assert found.reasons == (
        Reason("data.duration_ms", -1, "a whole number of milliseconds from 0 on"),
        Reason("context.tags", 5, "a list of non-empty strings"),
    )
    assert str(found.reasons[1]) == "context.tags is 5; it must be a list of non-empty strings"


def test_all_that_is_wrong_is_said() -> None:
    found = judged("pattern", pattern_id="", timestamp=5, data={}, context=None)

    assert [one.field for one in found.reasons] == [
        *("pattern_id", "timestamp"),
        *("data.task_type", "data.agent", "data.duration_ms", "data.success"),
        "context",
    ]


def test_what_nobody_knows_is_allowed_and_named() -> None:
    found = judged("pattern", data={**TASK, "mood": 5}, context={"host": "x"}, more=1)

    assert found
    assert found.unknown == ("more", "data.mood", "context.host")


@pytest.mark.parametrize("of", VALIDATORS)
@pytest.mark.parametrize("value", [None, [], "x", 5, True])
def test_what_is_no_object_is_refused(of: str, value: object) -> None:
    validate, _ = VALIDATORS[of]

    assert [one.rule for one in validate(value).reasons] == ["an object"]


@pytest.mark.parametrize("of", VALIDATORS)
@given(st.data())
def test_nothing_raises(of: str, data: st.DataObject) -> None:
    validate, valid = VALIDATORS[of]
    names = st.sampled_from([*valid, "x"])
    changed = data.draw(st.dictionaries(names, json_values | st.floats(), max_size=4))

    assert bool(validate({**valid, **changed})) is not bool(validate({**valid, **changed}).reasons)


def test_the_fields_of_a_type_are_known() -> None:
    assert {"task_type", "coverage_percent"} < known_fields(PatternType.TASK_COMPLETION)
    assert required_fields(PatternType.ERROR_OCCURRENCE) == set(ERROR)
    assert str(PatternType.TASK_COMPLETION) == "task_completion"


@pytest.mark.parametrize(
    ("text", "seconds", "assumed"),
    [
        ("2025-11-29T10:00:00Z", 36_000, False),
        ("2025-11-29T10:00:00+09:00", 3_600, False),
        ("2025-11-29 10:00:00.000000-0130", 41_400, False),
        ("2025-11-29T10:00:00", 32_400, True),
        ("2025-11-29t10:00", 32_400, True),
        ("2025-11-29", 0, True),
    ],
)
def test_a_stamp_is_read_in_the_zone_where_it_states_no_offset(
    text: str, seconds: int, *, assumed: bool
) -> None:
    midnight = read_stamp("2025-11-29T00:00:00Z")
    found = read_stamp(text, ZoneInfo("Europe/Berlin"))

    assert midnight is not None
    assert found is not None
    assert (found.at_us - midnight.at_us, found.assumed) == (seconds * 1_000_000, assumed)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "2025", "2025-13-01", "2025-11-29T25:00:00", "20251129T100000", "2025-333"),
        *("2025-11-29T10:00:00Z ", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
        *("2025-11-29T10:00:00+99:00", "٢٠٢٥-11-29"),
    ],
)
def test_what_is_no_stamp_is_none(text: str) -> None:
    assert read_stamp(text) is None
    assert read_stamp(text, timezone(timedelta(hours=1))) is None
