"""The views about runs of workflows and the operations they performed.

Of each run the statement with the greatest revision is shown, and none where the greatest says that
the run was deleted. Savings state their window: the 30 UTC days that end with the day of `as_of`.
What is learned keeps the days up to 35 before a pattern's last one; an earlier window is counted
from the local raw rows. So are the count and the means as they were on an earlier day, where these
rows are all that was learned; else both are of all that is known, and `averages_until` says so.
Where rows were pruned a window that begins before `complete_from`, the first day of which all are
there, has no numbers, unless the days that were kept hold it or the operation is younger.

A time more than a day after its record was appended is none, here as for the learner: one wrong
date in the future does not move the day on which every window ends.
"""

from typing import Final

from streams.apply import FUTURE_US

WINDOW_DAYS: Final = 30
"""Days over which savings are stated."""

_KEPT_DAYS: Final = 35

_STATED: Final = (
    'topic, "partition", "offset", source, event_id, happened_at, appended_at, subject, revision'
)

RUN_STATEMENTS: Final = """
CREATE VIEW run_statements AS
SELECT "partition", source, run_id,
    max({'revision': revision, 'first': -"offset", 'deleted': deleted}) AS last
FROM (
    SELECT "partition", source, run_id, revision, "offset", false AS deleted FROM workflow_run
    UNION ALL
    SELECT "partition", source, run_id, revision, "offset", true FROM workflow_run_deleted
) GROUP BY "partition", source, run_id
"""

WORKFLOW_RUNS: Final = f"""
CREATE VIEW workflow_runs AS
SELECT {_STATED}, run_id, workflow_id, group_id, ordinal, attempt, parent_run_id, model, project,
    branch, environment, user_id, session_id, input_text, template, error_message, status, outcome,
    input_tokens, output_tokens, coalesce(total_tokens, input_tokens + output_tokens)
        AS total_tokens,
    cost_usd, cost_provenance, currency, cost_amount, duration_us, error_count, retry_count,
    tags, metadata, happened_at AS finished_at
FROM workflow_run SEMI JOIN (
    SELECT "partition", -last.first AS "offset" FROM run_statements WHERE NOT last.deleted
) USING ("partition", "offset")
"""

WORKFLOW_STEPS: Final = """
CREATE VIEW workflow_steps AS SELECT * FROM workflow_step
"""

# An assertion about a run that was deleted waits for the run to come back.
PATTERN_OCCURRENCES: Final = """
CREATE VIEW pattern_occurrences AS
WITH found AS (
    SELECT run.topic, run."partition", run."offset", run.source, run.event_id, run.happened_at,
        run.appended_at, one.pattern_id, one.signature, run.workflow_id, run.run_id,
        one.rule, one.rules_version, one.characteristics
    FROM recognised one JOIN workflow_runs run USING (topic, "partition", "offset")
), asserted AS (
    SELECT said.topic, said."partition", said."offset", said.source, said.event_id,
        coalesce(run.happened_at, said.happened_at) AS happened_at, said.appended_at,
        one.pattern_id, one.signature, said.workflow_id, said.run_id,
        one.rule, one.rules_version, one.characteristics
    FROM recognised one JOIN operation_asserted said USING (topic, "partition", "offset")
    LEFT JOIN run_statements state USING ("partition", source, run_id)
    LEFT JOIN workflow_runs run USING ("partition", source, run_id)
    WHERE NOT coalesce(state.last.deleted, false)
)
SELECT source || '/' || run_id || '/' || signature AS id, pattern_id, workflow_id,
    100.0 AS similarity_score, characteristics AS matched_characteristics,
    happened_at AS detected_at, rule, rules_version, run_id, signature,
    topic, "partition", "offset", source, event_id, happened_at, appended_at
FROM (
    SELECT * FROM found
    UNION ALL
    SELECT * FROM asserted ANTI JOIN found USING ("partition", source, run_id, signature)
)
QUALIFY row_number() OVER (PARTITION BY source, run_id, signature ORDER BY "offset") = 1
"""

_AHEAD: Final = f"to_microseconds({FUTURE_US})"

AS_OF: Final = f"""
CREATE VIEW log_as_of AS
SELECT greatest((SELECT max(last_seen) FROM pattern_rows), (SELECT max(happened_at)
    FROM workflow_runs WHERE happened_at <= appended_at + {_AHEAD})) AS as_of
"""

# That it was told is not enough: whoever tells it may be killed before anything is deleted. Where
# it was not told, as by an earlier version, no day of which anything was learned counts as whole.
COMPLETE: Final = """
CREATE VIEW log_complete_from AS
SELECT CASE WHEN EXISTS (SELECT 1 FROM positions WHERE pruned > 0) THEN coalesce(
    (SELECT max(TRY_CAST(complete_from AS DATE)) FROM prunings),
    (SELECT CAST(timezone('UTC', max(last_seen)) AS DATE) + 1 FROM pattern_rows),
    DATE '9999-12-31') END AS complete_from
"""

_SHARE: Final = """coalesce(
    ((SELECT arg_max(tool_shares, "offset") FROM settings) ->> split_part(signature, ':', 1)),
    '0.05')::DOUBLE"""


def _measure(name: str) -> str:
    return f"list_filter(measures, lambda one: one.measure = '{name}')[1]"


def _latest(said: str) -> str:
    """What the latest decision said of it that says anything."""
    of = f"{{'at': happened_at, 'event_id': event_id, 'said': {said}}}"
    return f"(max({of}) FILTER ({said} IS NOT NULL)).said AS {said}"


OPERATION_PATTERNS_AT: Final = f"""
CREATE MACRO operation_patterns_at(as_of) AS TABLE
WITH learned AS (
    SELECT *, {_measure("tokens")} AS tokens, {_measure("cost")} AS cost,
        {_measure("duration")} AS duration, {_SHARE} AS share,
        CAST(timezone('UTC', as_of) AS DATE) AS until,
        CAST(timezone('UTC', first_seen) AS DATE) AS earliest,
        CAST(timezone('UTC', last_seen) AS DATE) AS latest,
        (SELECT complete_from FROM log_complete_from) AS complete_from
    FROM pattern_rows WHERE kind = 'operation'
), occurred AS MATERIALIZED (
    SELECT pattern_id, "partition", source, run_id, detected_at, appended_at, rule,
        matched_characteristics FROM pattern_occurrences
), lately AS (
    SELECT pattern_id, CASE
        WHEN last_seen IS NULL OR until IS NULL THEN 0
        WHEN until - {WINDOW_DAYS - 1} >= CAST(timezone('UTC', last_seen) AS DATE)
            - {_KEPT_DAYS - 1}
        THEN coalesce(list_sum(list_transform(list_filter(days,
            lambda one: one.day BETWEEN until - {WINDOW_DAYS - 1} AND until),
            lambda one: one.occurrences)), 0)
        WHEN greatest(until - {WINDOW_DAYS - 1}, earliest) < complete_from AND until >= earliest
        THEN NULL
        ELSE (SELECT count(*) FROM occurred past
            WHERE past.pattern_id = learned.pattern_id
            AND CAST(timezone('UTC', past.detected_at) AS DATE)
                BETWEEN until - {WINDOW_DAYS - 1} AND until)
        END AS recently
    FROM learned
), local AS (
    SELECT pattern_id, run.total_tokens, run.cost_usd, coalesce(
        CAST(timezone('UTC', one.detected_at) AS DATE) <= earlier.until
        OR one.detected_at > one.appended_at + {_AHEAD}, true) AS counts
    FROM occurred one
    JOIN (SELECT pattern_id, until FROM learned WHERE until < latest) earlier USING (pattern_id)
    LEFT JOIN workflow_runs run USING ("partition", source, run_id)
), back_then AS (
    SELECT pattern_id, true AS is_known, count(*) FILTER (counts) AS occurrences,
        avg(total_tokens) FILTER (counts) AS tokens, avg(cost_usd) FILTER (counts) AS cost,
        nullif(count(total_tokens) FILTER (counts), 0) AS tokens_n,
        nullif(count(cost_usd) FILTER (counts), 0) AS cost_n
    FROM local JOIN learned USING (pattern_id)
    GROUP BY pattern_id, learned.occurrences HAVING count(*) = learned.occurrences
), stated AS (
    SELECT learned.* REPLACE (
            CASE WHEN is_known THEN past.occurrences ELSE learned.occurrences END AS occurrences),
        CASE WHEN is_known THEN past.tokens ELSE learned.tokens.mean END AS mean_tokens,
        CASE WHEN is_known THEN past.cost ELSE learned.cost.mean END AS mean_cost,
        CASE WHEN is_known THEN past.tokens_n ELSE learned.tokens.n END AS tokens_n,
        CASE WHEN is_known THEN past.cost_n ELSE learned.cost.n END AS cost_n,
        CASE WHEN is_known THEN until ELSE greatest(until, latest) END AS averages_until
    FROM learned LEFT JOIN back_then past USING (pattern_id)
), first_seen_as AS (
    SELECT pattern_id, arg_min(matched_characteristics, (detected_at, run_id)) AS looks,
        list(DISTINCT rule ORDER BY rule) AS rules
    FROM occurred WHERE matched_characteristics IS NOT NULL GROUP BY pattern_id
), decided AS (
    SELECT pattern_id, (max({{'at': happened_at, 'event_id': event_id}})).at AS reviewed_at,
        {_latest("status")},
        {_latest("reviewed_by")}, {_latest("notes")},
        {_latest("tool_name")}, {_latest("tool_script_path")}
    FROM pattern_reviews GROUP BY pattern_id
)
SELECT pattern_id AS id, pattern_id, signature AS pattern_signature,
    split_part(signature, ':', 1) AS pattern_type,
    first_seen AS first_detected, last_seen, occurrences AS occurrence_count,
    looks AS typical_input_pattern, rules AS typical_operations,
    looks -> 'files_mentioned' AS typical_files_accessed,
    mean_tokens AS avg_tokens_with_llm, mean_cost AS avg_cost_with_llm,
    share * mean_tokens AS avg_tokens_with_tool, share * mean_cost AS avg_cost_with_tool,
    (1 - share) * mean_cost * recently AS potential_monthly_savings,
    (1 - share) * mean_cost * occurrences AS potential_total_savings,
    recently AS occurrences_in_window, {WINDOW_DAYS} AS window_days, until AS window_ends,
    averages_until, complete_from,
    coalesce(decided.status, 'detected') AS automation_status,
    score AS confidence_score, confidence, success_rate, success_low, success_high,
    duration.stddev / nullif(duration.mean, 0) AS duration_cv, duration.mean AS avg_duration_us,
    tokens_n, cost_n, duration.n AS duration_n,
    tool_name, tool_script_path, reviewed_by, reviewed_at, notes AS review_notes,
    first_seen AS created_at, last_seen AS updated_at
FROM stated JOIN lately USING (pattern_id)
    LEFT JOIN first_seen_as USING (pattern_id) LEFT JOIN decided USING (pattern_id)
"""

OPERATION_PATTERNS: Final = """
CREATE VIEW operation_patterns AS
SELECT * FROM operation_patterns_at((SELECT as_of FROM log_as_of))
"""

HIGH_VALUE: Final = """
CREATE VIEW v_high_value_patterns AS
SELECT *, 12 * potential_monthly_savings AS annual_savings
FROM operation_patterns
WHERE automation_status IN ('detected', 'candidate')
    AND confidence_score >= 70 AND potential_monthly_savings >= 0.50
ORDER BY potential_monthly_savings DESC, pattern_id
"""

OPERATION_VIEWS: Final = (
    RUN_STATEMENTS,
    WORKFLOW_RUNS,
    WORKFLOW_STEPS,
    PATTERN_OCCURRENCES,
    AS_OF,
    COMPLETE,
    OPERATION_PATTERNS_AT,
    OPERATION_PATTERNS,
    HIGH_VALUE,
)
"""In an order in which each finds what it needs."""
