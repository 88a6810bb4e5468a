"""Old events are read for ever: their bytes stand in golden files that are never edited."""

from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from schemas.envelope import decode, from_structured, to_binary
from schemas.events import PAYLOADS, TaskCompleted
from schemas.log import Record
from schemas.upcasts import UPCASTS, upcast

GOLDEN = Path(__file__).parents[1] / "golden"
DIGESTS = {
    "motif.task.completed.v0": "2f865481ffc28b851c63cdf03988f77e9de7ef040ce010b9352f4aaa106b4aeb",
}


@pytest.mark.parametrize("old", sorted(UPCASTS))
def test_every_old_version_has_its_golden_bytes(old: str) -> None:
    """A change of the file is caught here; write a new version and a new file instead."""
    golden = (GOLDEN / f"{old}.json").read_bytes()

    assert sha256(golden).hexdigest() == DIGESTS[old]
    assert msgspec.json.decode(golden)["type"] == old


def test_a_task_completion_of_version_0_is_read_as_one_of_version_1() -> None:
    event = from_structured((GOLDEN / "motif.task.completed.v0.json").read_bytes())

    assert event.type == "motif.task.completed.v1"
    assert event.id == "run-7/task-3"
    assert event.time_us == 1_730_790_930_250_000
    assert event.extensions == {"reviewer": "nightly"}
    assert event.data == TaskCompleted.model_validate(
        {
            "task_type": "refactor",
            "agent": "coder",
            "success": True,
            "duration_us": 1_234_568,
            "input_tokens": 1200,
            "output_tokens": 345,
            "cost_usd": Decimal("0.0123"),
            "session_id": "s-é-1",
            "tags": ["python", "ünïcode"],
            "metadata": {"attempt": 2, "notes": [None, {"deep": True}]},
            "mood": "unknown field",
        }
    )


@pytest.mark.parametrize("old", sorted(UPCASTS))
def test_old_versions_are_read_in_binary_mode_too(old: str) -> None:
    """Lifted and written again, the event stays what it is."""
    golden = (GOLDEN / f"{old}.json").read_bytes()
    expected = from_structured(golden)
    headers, _ = to_binary(expected)
    old_headers = tuple((n, old.encode() if n == "ce_type" else v) for n, v in headers)
    value = msgspec.json.encode(msgspec.json.decode(golden)["data"])

    assert decode(Record("topic", 0, 0, None, value, old_headers, 0)) == expected


@pytest.mark.parametrize("old", sorted(UPCASTS))
def test_every_upcast_leads_to_a_version_that_is_read_today(old: str) -> None:
    newest, _ = upcast(old, {})

    assert newest in PAYLOADS
    assert old not in PAYLOADS


def test_what_needs_no_upcast_stays_as_it_is() -> None:
    assert upcast("motif.task.completed.v1", {"a": 1}) == ("motif.task.completed.v1", {"a": 1})


def test_an_upcast_leaves_its_argument_alone() -> None:
    data = {"duration_ms": 1}

    upcast("motif.task.completed.v0", data)

    assert data == {"duration_ms": 1}
