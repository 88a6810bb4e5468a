"""Table `pattern_reviews`: what people decided about patterns; the latest decision counts."""

from typing import Final

from projections.tables.table import Table
from projections.tables.types import FACT, TEXT

REVIEWS: Final = Table(
    "pattern_reviews",
    {
        **FACT,
        "pattern_id": TEXT,
        "status": TEXT,
        "reviewed_by": TEXT,
        "notes": TEXT,
        "tool_name": TEXT,
        "tool_script_path": TEXT,
    },
)
