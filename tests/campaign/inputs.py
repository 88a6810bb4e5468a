"""Rows about what is fed: repeated, out of order, broken."""

from collections.abc import Iterator
from random import Random

from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS
from tests.campaign.site import site
from tests.campaign.stage import Stage, events
from tests.kafka.workers import projected

HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_type", b"motif.task.completed.v1"),
    ("ce_source", b"campaign"),
)


def disorder(stage: Stage, _: int) -> None:
    """Every event in an order of chance and each tenth again, in other appends than the first."""
    rng = stage.chance()
    mixed = [*stage.shuffled(), *rng.sample(events(), len(events()) // 10)]
    rng.shuffle(mixed)
    with site(stage, stage.brokers.shared(), new=40, again=4) as here:
        here.made.start_worker()
        for start in range(0, len(mixed), 100):
            here.made.publish(mixed[start : start + 100])
        here.check()
        repeats = sum(one.repeats for one in here.reached().values())
        assert repeats >= len(events()) // 10
        stage.notes.append(f"{repeats} repeats")


def poison(stage: Stage, _: int) -> None:
    """One record in a thousand is none that can be read; each is one letter with its bytes."""
    rng = stage.chance()
    kinds = list(_poisons(rng))
    with site(stage, stage.brokers.shared(), new=20, again=180) as here:
        here.made.start_worker()
        sent = []
        for number, (key, value, headers) in enumerate(kinds):
            wanted = 1_000 * number
            here.wait_for(lambda wanted=wanted: here.feeder.published >= wanted, 120, "feeding")  # type: ignore[misc]  # bound
            record = Outgoing(AGENT_EVENTS.name, rng.randrange(3), key, value, headers)
            here.made.log.append([record])
            sent.append(value or b"")
        here.check()
        with projected(here.made, stage.folder / "letters") as tables:
            letters = tables.sql("SELECT bytes FROM dead_letters").column(0).to_pylist()
        assert sorted(letters) == sorted(sent)
        refused = sum(one.refused for one in here.reached().values())
        assert refused == len(sent)
        stage.notes.append(f"{len(sent)} letters of {here.feeder.published + len(sent)} records")


def _poisons(
    rng: Random,
) -> Iterator[tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]]:
    """Each broken in another way, and each with other bytes."""
    named = (*HEADERS, ("ce_id", b"poison"))
    yield b"k", b"no event", ()
    yield b"k", b"{", named
    yield b"k", b'{"session_id": 1, "agent": []}', named
    yield None, b'"no key"', named
    yield b"k", None, named
    yield b"k", b"\xff\xfe" + rng.randbytes(20), named
    yield b"k", b"[" * 5_000 + b"]" * 5_000, named
    yield b"k", b'{"duration_ms": NaN}', named
    yield b"k", b'{"duration_ms": 1e999}', named
    yield b"k", b"x" * (1 << 20), named
    yield b"k", b'{"unknown": true}', (*HEADERS[:1], ("ce_type", b"motif.nothing.v9"))
    yield b"k", rng.randbytes(300), named
