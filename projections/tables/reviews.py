"""Table `pattern_reviews`: what people decided about patterns; the latest decision counts."""

from typing import Final

from projections.tables.table import Row, Table
from projections.tables.types import PLACE, TEXT, TIME
from schemas.workflows import PatternReviewed

REVIEWS: Final = Table(
    "pattern_reviews",
    {
        **PLACE,
        "source": TEXT,
        "event_id": TEXT,
        "happened_at": TIME,
        "appended_at": TIME,
        "pattern_id": TEXT,
        "status": TEXT,
        "reviewed_by": TEXT,
        "notes": TEXT,
        "tool_name": TEXT,
        "tool_script_path": TEXT,
    },
)


def row_of(fact: Row, said: PatternReviewed) -> Row:
    """The row of a decision, behind what is common to all facts."""
    return (
        *fact,
        said.pattern_id,
        said.status,
        said.reviewed_by,
        said.notes,
        said.tool_name,
        said.tool_script_path,
    )
