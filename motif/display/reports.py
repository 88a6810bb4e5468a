"""Reports as documents: what each says, in sentences and tables with the n of every number."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

from motif.display import words
from motif.display.document import Document, Grid, Section, short
from motif.display.table import Column, number, text
from motif.reports.contents import (
    ROWS_SHOWN,
    AgentRow,
    AgentsReport,
    Anomaly,
    ErrorRow,
    ErrorsReport,
    OperationRow,
    OperationsReport,
    Rate,
    Report,
    TaskRow,
    TasksReport,
    Trend,
)
from projections.reports import Amounts, Rows, Window

_NOUNS: Final = {
    "task_completions": "completed task",
    "agent_usages": "use of agents",
    "error_occurrences": "error",
    "workflow_runs": "workflow run",
}
_MANY: Final = {"agent_usages": "uses of agents"}
_WORDS_SHOWN: Final = 20
_OF_TOPIC_SHOWN: Final = 5


def document(report: Report) -> Document:
    """A report as it is read: its own tables, then what stands out, then what to do."""
    window = report.window
    pruned = [] if window.is_complete else [_pruned(window)]
    sentences = [_when(report), *pruned, *(_read(rows, window) for rows in report.rows)]
    if not any(rows.counted for rows in report.rows):
        return Document(f"Report on {report.name}", sentences)
    sections = [*_own_sections(report), _recommended(report), _changed(report), _far(report)]
    return Document(f"Report on {report.name}", sentences, sections)


def _own_sections(report: Report) -> list[Section]:
    match report:
        case AgentsReport():
            return [_agents("Completed tasks", report.tasks), _agents("Uses", report.uses)]
        case TasksReport():
            return [_tasks(report.tasks)]
        case ErrorsReport():
            return [_errors(report.errors)]
        case OperationsReport():
            return [_operations(report.operations), _coverage(report)]
        case _:
            raise AssertionError(f"no sections are known for {type(report).__name__}")


def _when(report: Report) -> str:
    window = report.window
    if window.as_of is None:
        return "Nothing in the log has a time."
    until = words.minute_of(window.as_of)
    if report.since is None:
        return f"Over everything up to {until}."
    days = words.plural(window.days or 0, "day")
    return f"Over {days}, from {words.minute_of(report.since)} up to {until}."


def _pruned(window: Window) -> str:
    return (
        f"The log is complete from {window.complete_from} on: what happened before that day was "
        "pruned from the log, and only what is left of it is counted."
    )


def _read(rows: Rows, window: Window) -> str:
    noun = _NOUNS[rows.table]
    many = _MANY.get(rows.table, f"{noun}s")
    if not rows.counted and not rows.undated:
        where = "in" if window.is_complete else "left of"
        return f"There are no {many} {where} that time."
    read = f"{words.plural(rows.counted, noun, many)} {_was(rows.counted)} read"
    if not rows.undated:
        return f"{read}."
    undated = f"{words.count(rows.undated)} without a usable time"
    how = "counted in, as the report is over everything" if rows.undated_counted else "left out"
    return f"{read}; {undated} {_was(rows.undated)} {how}."


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _table(
    title: str,
    columns: Sequence[Column],
    found: Sequence[Any],
    row: Callable[[Any], list[str]],
    *sentences: str,
) -> Section:
    if not found:
        return Section(title, ["There are none."])
    grid = Grid(columns, [row(one) for one in found[:ROWS_SHOWN]])
    left = len(found) - ROWS_SHOWN
    notes = [f"{words.count(left)} more are in --format json."] if left > 0 else []
    return Section(title, sentences, grid, notes=notes)


def _agents(title: str, found: Sequence[AgentRow]) -> Section:
    columns = [text("agent"), number("n"), number("success (95 %)"), number("decided")]
    columns += [*_of("duration"), *_of("tokens"), number("retries"), number("n of retries")]
    return _table(title, columns, found, _agent)


def _agent(one: AgentRow) -> list[str]:
    return [
        short(one.agent),
        words.count(one.n),
        *_rate(one.success),
        *_usual(one.duration_us, "us"),
        *_usual(one.tokens, "tokens"),
        _total(one.retries),
        words.count(one.retries.n),
    ]


def _tasks(found: Sequence[TaskRow]) -> Section:
    columns = [text("agent"), text("task type"), number("n"), number("success (95 %)")]
    columns += [number("decided"), *_of("duration"), number("p90"), number("slowest")]
    columns += [text("slowest event")]
    sentence = "Those that surely fail most come first, then those that take longest."
    return _table("Types of tasks", columns, found, _task, sentence)


def _task(one: TaskRow) -> list[str]:
    duration = one.duration_us
    return [
        short(one.agent),
        short(one.task_type),
        words.count(one.n),
        *_rate(one.success),
        *_usual(duration, "us"),
        words.duration(duration.p90),
        words.duration(duration.most),
        words.UNKNOWN if one.slowest is None else short(one.slowest.event_id),
    ]


def _errors(found: Sequence[ErrorRow]) -> Section:
    columns = [text("error"), number("n"), number("resolved (95 %)"), number("auto")]
    columns += [number("user"), number("median to resolve"), number("n of times")]
    columns += [text("most frequent resolution"), number("of")]
    sentence = "auto and user are the shares that resolved themselves, and that a person helped."
    return _table("Errors", columns, found, _error, sentence)


def _error(one: ErrorRow) -> list[str]:
    best = one.best_resolution
    return [
        short(f"{one.error_type}: {one.template}"),
        words.count(one.n),
        _rate(one.resolved)[0],
        _share_of(one.auto_resolved),
        _share_of(one.user_intervention),
        words.duration(one.time_to_resolve_us.median),
        words.count(one.time_to_resolve_us.n),
        words.UNKNOWN if best is None else short(best.text),
        words.UNKNOWN if best is None else f"{best.n:,} of {best.of:,}",
    ]


def _operations(found: Sequence[OperationRow]) -> Section:
    columns = [text("operation"), number("n"), number("success (95 %)"), number("decided")]
    columns += [number("mean cost"), number("n of cost")]
    columns += [number("mean tokens"), number("n of tokens")]
    columns += [*_of("duration"), number("saves in 30 d"), number("a year"), number("score")]
    columns += [text("status")]
    sentence = (
        "Savings are what a tool would have saved in the 30 days that end with the report's last; "
        "they, the score and the status are of all that was learned."
    )
    return _table("Operations", columns, found, _operation, sentence)


def _operation(one: OperationRow) -> list[str]:
    return [
        short(one.operation),
        words.count(one.n),
        *_rate(one.success),
        words.dollars(one.cost_usd.mean),
        words.count(one.cost_usd.n),
        words.large(one.tokens.mean),
        words.count(one.tokens.n),
        *_usual(one.duration_us, "us"),
        words.dollars(one.savings_usd),
        words.dollars(one.annual_savings_usd),
        words.UNKNOWN if one.score is None else f"{one.score:.0f}",
        one.automation_status or words.UNKNOWN,
    ]


def _coverage(report: OperationsReport) -> Section:
    coverage = report.coverage
    if not coverage.recognised.n:
        return Section("Coverage", ["No request was put into words."])
    unknown = coverage.recognised.failures
    sentence = (
        f"No rule recognises {unknown.successes:,} of "
        f"{words.plural(unknown.n, 'request')} ({words.percent(unknown.share)}, "
        f"{words.interval(unknown.low, unknown.high)})."
    )
    rows = [[word, words.count(n)] for word, n in coverage.words[:_WORDS_SHOWN]]
    return Section("Coverage", [sentence], Grid([text("word"), number("requests")], rows))


def _recommended(report: Report) -> Section:
    of_topic: dict[str, list[str]] = defaultdict(list)
    for one in report.recommendations:
        of_topic[one.topic].append(short(one.sentence, 1_000))
    items = [item for topic in of_topic.values() for item in topic[:_OF_TOPIC_SHOWN]]
    left = len(report.recommendations) - len(items)
    none = ["Nothing stands out by the numbers there are."]
    notes = [f"{words.count(left)} more are in --format json."] if left else []
    return Section("Recommendations", [] if items else none, items=items, notes=notes)


def _changed(report: Report) -> Section:
    trends = report.trends
    how = (
        f"{trends.test}, false discoveries held to {words.percent(trends.alpha)} by "
        f"{trends.control}, series of {trends.least_n} dated values or more"
    )
    if not trends.candidates:
        return Section("Changes over time", [f"No series was long enough to be tested ({how})."])
    tested = f"{words.count(len(trends.found))} of {words.plural(trends.candidates, 'test')}"
    columns = [text("pattern"), text("measure"), text("since"), number("before")]
    columns += [number("n before"), number("after"), number("n after"), number("ratio")]
    columns += [number("q")]
    grid = Grid(columns, [_trend(one) for one in trends.found])
    return Section("Changes over time", [f"{tested} found a change ({how})."], grid)


def _trend(one: Trend) -> list[str]:
    show = words.percent if one.unit == "share" else words.duration
    return [
        short(f"{one.kind}: {one.pattern}"),
        one.measure,
        words.minute_of(one.at),
        show(one.before),
        words.count(one.n_before),
        show(one.after),
        words.count(one.n_after),
        words.UNKNOWN if one.ratio is None else f"{one.ratio:.2f}",
        f"{one.q:.1g}",
    ]


def _far(report: Report) -> Section:
    anomalies = report.anomalies
    title = "Records far from usual"
    usual = "medians of their patterns" if anomalies.found > 1 else "median of its pattern"
    rule = (
        f"{anomalies.threshold:g} spreads (MAD of logarithms) from the {usual}, "
        f"of {anomalies.least_n} values or more"
    )
    if not anomalies.found:
        return Section(title, [f"No record is more than {rule}."])
    records = words.plural(anomalies.found, "record is", "records are")
    shown = len(anomalies.farthest)
    which = f" These are the {shown} farthest." if shown < anomalies.found else ""
    columns = [text("pattern"), text("measure"), number("value"), number("median"), number("n")]
    columns += [number("one spread"), number("spreads")]
    columns += [text("source"), text("event"), text("session")]
    grid = Grid(columns, [_anomaly(one) for one in anomalies.farthest])
    return Section(title, [f"{records} more than {rule}.{which}"], grid)


def _anomaly(one: Anomaly) -> list[str]:
    return [
        short(f"{one.kind}: {one.pattern}"),
        one.measure,
        words.amount(one.value, one.unit),
        words.amount(one.median, one.unit),
        words.count(one.n),
        f"x{one.factor:.2f}",
        f"{one.spreads:+.1f}",
        short(one.record.source),
        short(one.record.event_id),
        short(one.record.session_id or words.UNKNOWN),
    ]


def _of(measure: str) -> list[Column]:
    return [number(f"mean {measure}"), number(f"median {measure}"), number(f"n of {measure}")]


def _usual(amounts: Amounts, unit: str) -> list[str]:
    return [
        words.amount(amounts.mean, unit),
        words.amount(amounts.median, unit),
        words.count(amounts.n),
    ]


def _rate(rate: Rate) -> list[str]:
    return [words.rate(rate.share, rate.low, rate.high), words.count(rate.n)]


def _share_of(rate: Rate) -> str:
    return f"{words.percent(rate.share)} of {rate.n:,}" if rate.n else words.UNKNOWN


def _total(amounts: Amounts) -> str:
    return words.UNKNOWN if amounts.total is None else words.count(float(amounts.total))
