"""The views: raw rows joined into what people ask for, and comparisons between patterns.

A pattern's own row holds only functions of its own tally. Whatever compares patterns (shares,
lift, ranks) or cuts by time is here, computed when somebody reads.
"""

from typing import Final

from projections.device_views import DEVICE_VIEWS
from projections.operation_views import OPERATION_VIEWS
from projections.record_views import RECORDS
from projections.tables.patterns import NESTED, PATTERN

# The learner lets one result stand for a call and refuses any other, so this joins one to one.
TOOL_CALLS: Final = """
CREATE VIEW tool_calls AS
SELECT call.topic, call."partition", call."offset", call.source, call.event_id,
    call.happened_at, call.appended_at, call.session_id, call.seq, call.previous_event_id,
    call.agent, call.tool, result.ok, result.error_class,
    call.happened_at AS called_at, result.happened_at AS finished_at,
    epoch_us(result.happened_at) - epoch_us(call.happened_at) AS duration_us,
    call.submission
FROM tool_called call LEFT JOIN tool_finished result
  ON result."partition" = call."partition" AND result.source = call.source
 AND result.session_id = call.session_id AND result.call_id = call.event_id
"""

MODEL_CALLS: Final = """
CREATE VIEW model_calls AS
SELECT topic, "partition", "offset", source, event_id, happened_at, appended_at, subject, revision,
    session_id, agent, message_id, model,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    coalesce(total_tokens, input_tokens + output_tokens
        + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)) AS total_tokens,
    cost_usd, happened_at AS called_at
FROM model_called SEMI JOIN (
    SELECT "partition", -(max({'revision': revision, 'first': -"offset"})).first AS "offset"
    FROM model_called GROUP BY "partition", source, subject) USING ("partition", "offset")
"""

SESSION_ENDS: Final = """
CREATE VIEW session_ends AS
SELECT * FROM session_ended SEMI JOIN (
    SELECT "partition", -(max({'revision': revision, 'first': -"offset"})).first AS "offset"
    FROM session_ended GROUP BY "partition", source, subject) USING ("partition", "offset")
"""

_OF_SESSIONS: Final = " UNION ALL ".join(
    f'SELECT session_id, {agent} AS agent, happened_at, topic, "partition", "offset", source,'
    f" event_id, appended_at FROM {table}"
    for table, agent in {
        "tool_called": "agent",
        "tool_finished": "NULL",
        "model_calls": "agent",
        "session_started": "agent",
        "session_ends": "agent",
        "user_prompted": "agent",
        "user_interrupted": "agent",
        "task_completions": "agent",
        "error_occurrences": "NULL",
        "agent_usages": "agent_type",
        "user_corrections": "agent",
        "interaction_observed": "NULL",
    }.items()
)

SESSIONS: Final = f"""
CREATE VIEW sessions AS
WITH seen AS (
    SELECT session_id, min(agent) AS agent, min(happened_at) AS first_at,
        max(happened_at) AS last_at, count(*) AS events,
        min({{'at': coalesce(happened_at, 'infinity'::TIMESTAMPTZ), 'event_id': event_id,
            'source': source, 'topic': topic, 'partition': "partition", 'offset': "offset",
            'appended_at': appended_at}}) AS first
    FROM ({_OF_SESSIONS}) WHERE session_id IS NOT NULL GROUP BY session_id
), started AS (
    SELECT session_id, arg_min(agent, "offset") AS agent, min(happened_at) AS at
    FROM session_started GROUP BY session_id
), ended AS (
    SELECT session_id, max({{'revision': revision, 'first': -"offset",
        'at': happened_at, 'outcome': outcome, 'complete': complete}}) AS last
    FROM session_ends GROUP BY session_id
)
SELECT first.topic AS topic, first."partition" AS "partition", first."offset" AS "offset",
    first.source AS source, first.event_id AS event_id,
    coalesce(started.at, seen.first_at) AS happened_at, first.appended_at AS appended_at,
    seen.session_id, coalesce(started.agent, seen.agent) AS agent,
    coalesce(started.at, seen.first_at) AS started_at, ended.last.at AS ended_at,
    ended.last.outcome AS outcome, seen.events, ended.last.complete AS complete,
    seen.first_at AS first_event_at, seen.last_at AS last_event_at
FROM seen LEFT JOIN started USING (session_id) LEFT JOIN ended USING (session_id)
"""


def _current(table: str) -> str:
    """Where the rows of a table stand that hold the greatest statement about their thing."""
    return (
        """SELECT "partition", -(max({'revision': revision, 'first': -"offset"})).first"""
        f""" AS "offset" FROM {table} WHERE revision IS NOT NULL"""
        """ GROUP BY "partition", source, subject"""
    )


_CONTEXT_TIME: Final = "make_timestamptz(context_time_us) AS context_timestamp"

TASK_COMPLETIONS: Final = f"""
CREATE VIEW task_completions AS
SELECT *, duration_us / 1000.0 AS duration_ms, {_CONTEXT_TIME} FROM task_completed
WHERE revision IS NULL OR ("partition", "offset") IN ({_current("task_completed")})
"""

ERROR_OCCURRENCES: Final = f"""
CREATE VIEW error_occurrences AS
SELECT *, resolution_time_us / 1000.0 AS resolution_time_ms, {_CONTEXT_TIME} FROM error_occurred
SEMI JOIN ({_current("error_occurred")}) USING ("partition", "offset")
"""

AGENT_USAGES: Final = f"""
CREATE VIEW agent_usages AS
SELECT *, duration_us / 1000.0 AS duration_ms, {_CONTEXT_TIME} FROM agent_used
SEMI JOIN ({_current("agent_used")}) USING ("partition", "offset")
"""

USER_CORRECTIONS: Final = f"""
CREATE VIEW user_corrections AS
SELECT *, {_CONTEXT_TIME} FROM user_corrected
SEMI JOIN ({_current("user_corrected")}) USING ("partition", "offset")
"""

_PLAIN: Final = {
    "interactions": "interaction_observed",
    "user_prompts": "user_prompted",
    "user_interrupts": "user_interrupted",
}

CONTRIBUTIONS: Final = """
CREATE VIEW contributions AS SELECT * EXCLUDE (made) FROM contributed WHERE made
"""

# Straight from what the learners said: it does not wait for the federator.
PATTERN_TOTALS: Final = """
CREATE VIEW pattern_totals AS
SELECT pattern_id, any_value(kind) AS kind, any_value(signature) AS signature,
    sum(occurrences)::BIGINT AS occurrences, sum(successes)::BIGINT AS successes,
    sum(failures)::BIGINT AS failures, sum(undated)::BIGINT AS undated,
    min(first_seen) AS first_seen, max(last_seen) AS last_seen,
    count(DISTINCT site_id) AS site_count, count(*) AS contributor_count
FROM contributions GROUP BY pattern_id
HAVING sum(occurrences) > 0
"""

TOP_PATTERNS: Final = """
CREATE VIEW v_top_patterns AS
SELECT row_number() OVER (
    ORDER BY confidence DESC NULLS LAST, occurrences DESC, pattern_id) AS rank, *
FROM patterns ORDER BY rank
"""

TRENDS: Final = """
CREATE VIEW v_pattern_quality_trends AS
SELECT pattern_id, day, occurrences, successes, failures,
    successes / nullif(successes + failures, 0) AS success_rate
FROM pattern_days ORDER BY pattern_id, day
"""

SHARES: Final = """
CREATE VIEW v_pattern_shares AS
SELECT pattern_id, kind, signature, occurrences,
    occurrences / sum(occurrences) OVER (PARTITION BY kind) AS share
FROM patterns
"""

TOOL_LIFT: Final = """
CREATE VIEW v_tool_lift AS
WITH pair AS (
    SELECT pattern_id, occurrences AS n,
        (attributes ->> 'tool_a') AS tool_a, (attributes ->> 'tool_b') AS tool_b
    FROM patterns WHERE kind = 'tool_usage' AND (attributes ->> 'tool_a') IS NOT NULL
), share AS (
    SELECT *, n / sum(n) OVER (PARTITION BY tool_a) AS share,
        sum(n) OVER (PARTITION BY tool_b) / sum(n) OVER () AS baseline
    FROM pair
)
SELECT pattern_id, tool_a, tool_b, n, share, baseline, share / baseline AS lift FROM share
"""

ERROR_RECOVERY: Final = """
CREATE VIEW v_error_recovery AS
WITH pair AS (
    SELECT pattern_id, (attributes ->> 'error_class') AS error_class,
        (attributes ->> 'tool_a') AS tool_a, (attributes ->> 'tool_b') AS tool_b,
        occurrences AS n, successes AS recovered, failures AS failed,
        coalesce((counters ->> 'parallel')::BIGINT, 0) AS parallel,
        list_filter(measures, lambda one: one.measure = 'attempts')[1].mean AS attempts_mean,
        list_filter(measures, lambda one: one.measure = 'time_to_recovery')[1].mean
            AS time_to_recovery_us_mean
    FROM pattern_rows WHERE kind = 'error_recovery'
), share AS (
    SELECT *, recovered / nullif(recovered + failed, 0) AS recovered_share,
        n / sum(n) OVER (PARTITION BY error_class, tool_a) AS share
    FROM pair
)
SELECT share.*, usual.share AS baseline, share.share / usual.share AS lift
FROM share LEFT JOIN v_tool_lift usual USING (tool_a, tool_b)
"""


def _named(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _unfolded(name: str) -> str:
    return (
        f"CREATE VIEW pattern_{name} AS SELECT pattern_id, one.* FROM"
        f" (SELECT pattern_id, unnest({name}) AS one FROM pattern_rows)"
    )


VIEWS: Final = (
    TOOL_CALLS,
    MODEL_CALLS,
    SESSION_ENDS,
    TASK_COMPLETIONS,
    ERROR_OCCURRENCES,
    AGENT_USAGES,
    USER_CORRECTIONS,
    SESSIONS,
    *(f"CREATE VIEW {view} AS SELECT * FROM {table}" for view, table in _PLAIN.items()),
    CONTRIBUTIONS,
    f"CREATE VIEW patterns AS SELECT {_named(list(PATTERN))} FROM pattern_rows",
    *map(_unfolded, NESTED),
    PATTERN_TOTALS,
    TOP_PATTERNS,
    TRENDS,
    SHARES,
    TOOL_LIFT,
    ERROR_RECOVERY,
    *OPERATION_VIEWS,
    *DEVICE_VIEWS,
    RECORDS,
)
"""Statements that make every view, in an order in which each finds what it needs."""
