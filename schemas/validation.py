"""Whether an agent record is what its type says it is, and if not, which field is why.

A *record* here is a dictionary as programs that collect agent records write it: `pattern_id`,
`pattern_type`, `timestamp`, `data` and `context`. Every check returns a `Validity`: true or false
like the answer itself, with a reason for each field that is wrong. Null is absent; a field that
nobody knows is allowed, and named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, Final, NamedTuple

from schemas.stamps import read_stamp

NAME_LENGTH_MAX: Final = 1024
"""Characters of a name."""

INT_MAX: Final = 2**63 - 1
"""The greatest whole number that an event can hold."""


class PatternType(StrEnum):
    """The types of agent records."""

    TASK_COMPLETION = "task_completion"
    ERROR_OCCURRENCE = "error_occurrence"
    AGENT_USAGE = "agent_usage"
    USER_CORRECTION = "user_correction"


class Reason(NamedTuple):
    """Why a record is refused: the field, its value, and what would have been right."""

    field: str
    value: object
    rule: str

    def __str__(self) -> str:
        """One clause, the value cut short."""
        return f"{self.field} is {self.value!r:.64}; it must be {self.rule}"


@dataclass(frozen=True, slots=True)
class Validity:
    """True where there is no reason against; `unknown` are fields that nobody knows."""

    reasons: tuple[Reason, ...] = ()
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it is valid."""
        return not self.reasons


class _Rule(NamedTuple):
    words: str
    holds: Callable[[Any], bool]
    required: bool = False


def validate_pattern(pattern: object) -> Validity:
    """A whole record; its timestamp may be without an offset.

    >>> bool(validate_pattern({"pattern_id": "p"}))
    False
    """
    if not isinstance(pattern, dict):
        return _no_object("pattern", pattern)
    found = _check(pattern, _PATTERN)
    reasons, unknown = list(found.reasons), list(found.unknown)
    parts: list[tuple[str, Callable[[object], Validity]]] = []
    if all(one.field not in {"pattern_type", "data"} for one in reasons):
        parts.append(("data", _OF_TYPE[pattern["pattern_type"]]))
    if "context" in pattern:
        parts.append(("context", validate_context))
    for name, check in parts:
        inner = check(pattern[name])
        reasons += [one._replace(field=_within(name, one.field)) for one in inner.reasons]
        unknown += [_within(name, field) for field in inner.unknown]
    return Validity(tuple(reasons), tuple(unknown))


def validate_task_completion(data: object) -> Validity:
    """What is said of a completed task."""
    return _check(data, _TASK)


def validate_error_occurrence(data: object) -> Validity:
    """What is said of an error."""
    return _check(data, _ERROR)


def validate_agent_usage(data: object) -> Validity:
    """What is said of a use of an agent."""
    return _check(data, _USAGE)


def validate_user_correction(data: object) -> Validity:
    """What is said of a correction by a person."""
    return _check(data, _CORRECTION)


def validate_context(context: object) -> Validity:
    """The context of a record; nothing in it is required."""
    return _check(context, _CONTEXT, "context")


def known_fields(pattern_type: str) -> frozenset[str]:
    """The fields that the data of a type may have."""
    return frozenset(_RULES[pattern_type])


def required_fields(pattern_type: str) -> frozenset[str]:
    """The fields that the data of a type must have."""
    return frozenset(name for name, rule in _RULES[pattern_type].items() if rule.required)


CONTEXT_FIELDS: Final = frozenset(
    {
        *("project_name", "session_id", "user_id", "environment", "git_branch", "git_commit"),
        *("timestamp", "tags", "metadata"),
    }
)
"""The fields that a context may have."""


def _check(data: object, rules: Mapping[str, _Rule], what: str = "data") -> Validity:
    if not isinstance(data, dict):
        return _no_object(what, data)
    reasons = []
    for name, rule in rules.items():
        value = data.get(name)
        if value is None:
            if rule.required:
                reasons.append(Reason(name, None, f"there: {rule.words}"))
        elif not rule.holds(value):
            reasons.append(Reason(name, value, rule.words))
    return Validity(tuple(reasons), tuple(str(name) for name in data if name not in rules))


def _no_object(what: str, value: object) -> Validity:
    return Validity((Reason(what, value, "an object"),))


def _within(name: str, field: str) -> str:
    return name if field == name else f"{name}.{field}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and _is_unicode(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates, which can be written nowhere
        return False
    return True


def _is_name(value: Any) -> bool:
    return _is_text(value) and len(value) <= NAME_LENGTH_MAX


def _is_whole(most: int) -> Callable[[Any], bool]:
    return lambda value: _is_number(value) and isinstance(value, int) and 0 <= value <= most


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_between(most: float) -> Callable[[Any], bool]:
    return lambda value: _is_number(value) and isfinite(value) and 0 <= value <= most


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _one_of(*names: str) -> _Rule:
    return _Rule(
        f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names
    )


_NAME = _Rule(f"a non-empty string of at most {NAME_LENGTH_MAX} characters", _is_name)
_TEXT = _Rule("a non-empty string", _is_text)
_COUNT = _Rule("a whole number from 0 on", _is_whole(INT_MAX))
_MILLISECONDS = _Rule("a whole number of milliseconds from 0 on", _is_whole(INT_MAX // 1_000))
_FLAG = _Rule("true or false", lambda value: isinstance(value, bool))
_NAMES = _Rule("a list of non-empty strings", _are_names)
_OBJECT = _Rule("an object", lambda value: isinstance(value, dict))
_STAMP = _Rule(
    "a time in ISO 8601, such as 2025-11-29T10:00:00Z", lambda value: read_stamp(value) is not None
)


def _required(rule: _Rule) -> _Rule:
    return rule._replace(required=True)


_PATTERN: Final = {
    "pattern_id": _required(_NAME),
    "pattern_type": _required(_one_of(*PatternType)),
    "timestamp": _required(_STAMP),
    "data": _required(_OBJECT),
    "context": _Rule("an object", lambda _: True),  # which `validate_context` asks for
    "version": _NAME,
}
_TASK: Final = {
    "task_type": _required(_NAME),
    "agent": _required(_NAME),
    "duration_ms": _required(_MILLISECONDS),
    "success": _required(_FLAG),
    "files_created": _COUNT,
    "files_modified": _COUNT,
    "tests_passed": _COUNT,
    "tests_failed": _COUNT,
    "lines_of_code": _COUNT,
    "coverage_percent": _Rule("a number from 0 to 100", _is_between(100)),
    "error_message": _TEXT,
    "retry_count": _COUNT,
}
_ERROR: Final = {
    "error_type": _required(_NAME),
    "error_message": _required(_TEXT),
    "stack_trace": _TEXT,
    "file_path": _TEXT,
    "line_number": _COUNT,
    "function_name": _TEXT,
    "resolution": _TEXT,
    "resolution_time_ms": _MILLISECONDS,
    "similar_errors_count": _COUNT,
    "auto_resolved": _FLAG,
    "user_intervention": _FLAG,
}
_USAGE: Final = {
    "agent_type": _required(_NAME),
    "task_type": _required(_NAME),
    "success": _required(_FLAG),
    "duration_ms": _required(_MILLISECONDS),
    "retry_count": _COUNT,
    "tools_used": _NAMES,
    "files_accessed": _COUNT,
    "api_calls": _COUNT,
    "tokens_used": _COUNT,
    "memory_mb": _Rule("a number from 0 to 10^12", _is_between(10**12)),
    "cpu_percent": _Rule("a number from 0 to 10^6", _is_between(10**6)),
    "parallel_tasks": _COUNT,
}
_CORRECTION: Final = {
    "original_output": _required(_TEXT),
    "corrected_output": _required(_TEXT),
    "correction_type": _required(_NAME),
    "agent": _required(_NAME),
    "task_type": _NAME,
    "correction_category": _NAME,
    "user_feedback": _TEXT,
    "severity": _one_of("minor", "moderate", "critical"),
    "pattern_matched": _NAME,
}
_CONTEXT: Final = {
    "project_name": _NAME,
    "session_id": _NAME,
    "user_id": _NAME,
    "environment": _one_of("development", "staging", "production"),
    "git_branch": _NAME,
    "git_commit": _NAME,
    "timestamp": _STAMP,
    "tags": _NAMES,
    "metadata": _OBJECT,
}
_RULES: Final[Mapping[str, Mapping[str, _Rule]]] = {
    PatternType.TASK_COMPLETION: _TASK,
    PatternType.ERROR_OCCURRENCE: _ERROR,
    PatternType.AGENT_USAGE: _USAGE,
    PatternType.USER_CORRECTION: _CORRECTION,
}
_OF_TYPE: Final[Mapping[str, Callable[[object], Validity]]] = {
    PatternType.TASK_COMPLETION: validate_task_completion,
    PatternType.ERROR_OCCURRENCE: validate_error_occurrence,
    PatternType.AGENT_USAGE: validate_agent_usage,
    PatternType.USER_CORRECTION: validate_user_correction,
}
