"""Kind `error`: errors of one class with one template of message, and how they were resolved."""

from hashlib import blake2b

from schemas.events import ErrorOccurred
from streams.change import Change
from streams.error_words import error_class, template
from streams.recognise.kind import Kind

KIND = Kind(
    name="error",
    parts=("error_class", "template"),
    describes="errors of one class and one form of message; counters say how they were resolved",
    outcomes=False,
    title=lambda parts: f"{parts[0]}: {parts[1]}",
    units={"time_to_resolve": "us"},
)


def recognise(error: ErrorOccurred, at_us: int | None) -> list[Change]:
    """One occurrence; a resolution is a vote for itself, by the hash of its words."""
    counts = [name for name in ("auto_resolved", "user_intervention") if getattr(error, name)]
    if error.resolution is not None:
        counts += ["resolved", f"resolution.{_named(error.resolution)}"]
    elif error.auto_resolved:
        counts.append("resolved")
    taken_us = error.resolution_time_us
    measures = () if taken_us is None else (("time_to_resolve", taken_us),)
    pattern = ("error", error_class(error.error_type), template(error.error_message))
    return [Change(pattern, at_us, 1, 0, 0, tuple(counts), measures)]


def _named(resolution: str) -> str:
    """The same for the same words, whatever their case and the space between them."""
    words = " ".join(resolution.casefold().split())
    return blake2b(words.encode(), digest_size=8).hexdigest()
