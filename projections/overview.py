"""Questions of the front door: measures beside a list of patterns, lift, and one number for all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from projections.asking import ask
from projections.queries import Measure
from projections.remote import Readable


@dataclass(frozen=True, slots=True)
class Lift:
    """How much more often a tool follows another than it follows any.

    `share` is the part of what follows `tool_a` that is `tool_b`, `baseline` its part of all
    transitions, `lift` the one by the other.
    """

    pattern_id: str
    tool_a: str
    tool_b: str
    n: int
    share: float
    baseline: float
    lift: float


def measures_of(store: Readable, pattern_ids: Sequence[str]) -> dict[str, dict[str, Measure]]:
    """The measures of these patterns, by pattern and by the measure's name."""
    query = "SELECT * FROM pattern_measures WHERE pattern_id IN $ids ORDER BY pattern_id, measure"
    found: dict[str, dict[str, Measure]] = defaultdict(dict)
    for row in ask(store, query, {"ids": list(pattern_ids)}):
        pattern_id = row.pop("pattern_id")
        found[pattern_id][row["measure"]] = Measure(**row)
    return found


def tool_lifts(store: Readable, limit: int) -> list[Lift]:
    """The most frequent transitions between tools, with their lift."""
    query = "SELECT * FROM v_tool_lift ORDER BY n DESC, tool_a, tool_b LIMIT $limit"
    return [Lift(**row) for row in ask(store, query, {"limit": limit})]


def lifts_of(store: Readable, pattern_ids: Sequence[str]) -> dict[str, Lift]:
    """The lift of those of these patterns that are transitions between tools."""
    query = "SELECT * FROM v_tool_lift WHERE pattern_id IN $ids"
    return {row["pattern_id"]: Lift(**row) for row in ask(store, query, {"ids": list(pattern_ids)})}


def fingerprint(store: Readable) -> str:
    """A digest of every number of every pattern: rows, measures and days, in order of their ids.

    What may differ between two logs that hold the same events is left out: versions, and who
    contributed. Equal digests mean that not one number differs.
    """
    query = (
        "SELECT md5(coalesce(string_agg(md5(to_json(t)::VARCHAR), '' ORDER BY pattern_id), ''))"
        " AS digest FROM (SELECT * EXCLUDE (version, site_count, contributor_count, sites)"
        " FROM pattern_rows) t"
    )
    (row,) = ask(store, query, {})
    digest: str = row["digest"]
    return digest
