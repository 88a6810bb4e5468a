"""Kind `correction`: what people correct in the work of an agent, by type and category."""

from schemas.events import UserCorrected
from streams.change import Change
from streams.names import public_name
from streams.recognise.kind import Kind

NO_CATEGORY = "none"
"""The category of a correction that states none."""

KIND = Kind(
    name="correction",
    parts=("agent", "correction_type", "category"),
    describes="corrections by people, of one type and category; counters say how severe",
    outcomes=False,
    title=lambda parts: f"{parts[1]} ({parts[2]}) by {parts[0]}",
)


def recognise(correction: UserCorrected, at_us: int | None) -> list[Change]:
    """One occurrence; of the outputs and of what was said nothing is kept."""
    category = correction.correction_category
    pattern = (
        "correction",
        public_name(correction.agent),
        public_name(correction.correction_type),
        NO_CATEGORY if category is None else public_name(category),
    )
    counts = () if correction.severity is None else (f"severity.{correction.severity}",)
    return [Change(pattern, at_us, 1, 0, 0, counts)]
