"""Columns of the raw tables about runs of workflows."""

from typing import Final

from projections.tables.types import COUNT, FLAG, JSON, MONEY, TEXT, TEXTS, Columns

OF_RUN: Final[Columns] = {"run_id": TEXT, "workflow_id": TEXT}

RUN: Final[Columns] = {
    **OF_RUN,
    "group_id": TEXT,
    "ordinal": COUNT,
    "attempt": COUNT,
    "parent_run_id": TEXT,
    "model": TEXT,
    "project": TEXT,
    "branch": TEXT,
    "environment": TEXT,
    "user_id": TEXT,
    "session_id": TEXT,
    "input_text": TEXT,
    "template": TEXT,
    "error_message": TEXT,
    "status": TEXT,
    "outcome": TEXT,
    "input_tokens": COUNT,
    "output_tokens": COUNT,
    "total_tokens": COUNT,
    "cost_usd": MONEY,
    "cost_provenance": TEXT,
    "currency": TEXT,
    "cost_amount": MONEY,
    "duration_us": COUNT,
    "error_count": COUNT,
    "retry_count": COUNT,
    "tags": TEXTS,
    "metadata": JSON,
}
ASSERTED: Final[Columns] = {**OF_RUN, "signature": TEXT}
STEP: Final[Columns] = {
    **OF_RUN,
    "step_id": TEXT,
    "name": TEXT,
    "parents": TEXTS,
    "duration_us": COUNT,
    "ok": FLAG,
}
