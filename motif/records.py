"""Agent records under the names their format uses: types, and checks as static methods.

>>> from motif.records import PatternSchema
>>> found = PatternSchema.validate_error_occurrence({"error_type": "TypeError"})
>>> bool(found), [str(reason) for reason in found.reasons]
(False, ['error_message is None; it must be there: a non-empty string'])
"""

from schemas.validation import (
    PatternType,
    Reason,
    Validity,
    validate_agent_usage,
    validate_context,
    validate_error_occurrence,
    validate_pattern,
    validate_task_completion,
    validate_user_correction,
)

__all__ = [
    "PatternSchema",
    "PatternType",
    "Reason",
    "Validity",
    "validate_agent_usage",
    "validate_context",
    "validate_error_occurrence",
    "validate_pattern",
    "validate_task_completion",
    "validate_user_correction",
]


class PatternSchema:
    """The checks of agent records; each answer is true or false, and has its reasons."""

    validate_pattern = staticmethod(validate_pattern)
    validate_task_completion = staticmethod(validate_task_completion)
    validate_error_occurrence = staticmethod(validate_error_occurrence)
    validate_agent_usage = staticmethod(validate_agent_usage)
    validate_user_correction = staticmethod(validate_user_correction)
    validate_context = staticmethod(validate_context)
