"""From records to verdicts: many together are judged as each by itself."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import outgoing
from schemas.errors import Refused
from schemas.events import EventForgotten, TaskCompleted, ToolCalled
from schemas.log import Record
from schemas.topics import AGENT_EVENTS, WORKFLOW_RUNS
from schemas.workflows import WorkflowRunFinished
from streams.dedupe import Seen
from streams.intake import examine, placed
from tests.strategies import events

PARTITIONS = 3
SOME = events(ToolCalled, TaskCompleted, WorkflowRunFinished, EventForgotten)
TOPICS = st.sampled_from([AGENT_EVENTS.name, WORKFLOW_RUNS.name])


@st.composite
def stored(draw: st.DrawFn) -> Record:
    """A record of an event, which may stand where it does not belong or hold no event."""
    written = outgoing(draw(SOME), PARTITIONS)
    topic = draw(st.just(written.topic) | TOPICS)
    partition = draw(st.just(written.partition) | st.integers(0, PARTITIONS - 1))
    value = draw(st.just(written.value) | st.sampled_from([None, b"{"]))
    return Record(topic, partition, 0, written.key, value, written.headers, 0)


def refusal(record: Record) -> str | None:
    """Why the record is refused when it is looked at alone."""
    try:
        placed(record, PARTITIONS)
    except Refused as refused:
        return str(refused)
    return None


@given(st.lists(stored(), max_size=6))
def test_many_records_are_judged_as_each_by_itself(few: list[Record]) -> None:
    for records in (few, few * 12):
        verdicts, _ = examine(records, Seen(), PARTITIONS)

        assert [one.record for one in verdicts] == records
        assert [one.refused and str(one.refused) for one in verdicts] == list(map(refusal, records))
        alone = [examine([record], Seen(), PARTITIONS)[0][0] for record in records]
        assert [one.identity for one in verdicts] == [one.identity for one in alone]
        for together, single in zip(verdicts, alone, strict=True):
            assert together.repeat or together.event == single.event
