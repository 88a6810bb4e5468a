"""A log that says all its ends at once is asked for records only where something moved."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from connectors.logs.memory import MemoryLog
from projections import Projector, Store
from projections.reading import AGAIN_S, Place, Reading
from schemas.log import Outgoing, Record
from schemas.topics import PATTERNS
from tests.projections.test_projector import prompt
from tests.projections.world import LOG_ID, World


class Distant(MemoryLog):
    """A lazy log that tells its ends, and counts how often it is read."""

    def __init__(self, partitions: int = 1) -> None:
        super().__init__(partitions, lazy=True)
        self.reads = 0

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        return {place: self.end(*place) for place in places}

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        self.reads += 1
        return super().read(topic, partition, offset, limit)


PLACE = (PATTERNS.name, 0)


def put(log: MemoryLog, key: bytes) -> None:
    log.append([Outgoing(*PLACE, key, b"{}")])


def test_what_was_read_to_its_end_is_not_read_again_before_it_moves() -> None:
    log = Distant()
    reading = Reading(log)
    put(log, b"a")
    reading.look([PLACE])

    assert [one.key for one in reading.read(PLACE, 0, 10)] == [b"a"]
    assert reading.read(PLACE, 1, 10) == []
    assert reading.read(PLACE, 1, 10) == []
    assert log.reads == 2

    put(log, b"b")
    reading.look([PLACE])

    assert [one.key for one in reading.read(PLACE, 1, 10)] == [b"b"]


def test_a_log_that_gave_nothing_once_is_asked_again_soon() -> None:
    """A cluster that has just come back may do so; nothing may wait for the next record then."""

    class Hesitant(Distant):
        def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
            found = super().read(topic, partition, offset, limit)
            return [] if self.reads == 1 else found

    log, now_s = Hesitant(), [0.0]
    reading = Reading(log, clock=lambda: now_s[0])
    put(log, b"a")
    reading.look([PLACE])

    assert reading.read(PLACE, 0, 10) == []
    assert reading.read(PLACE, 0, 10) == []
    now_s[0] += AGAIN_S
    assert [one.key for one in reading.read(PLACE, 0, 10)] == [b"a"]


def test_a_read_that_gave_less_than_there_is_is_no_end() -> None:
    class Sparing(Distant):
        def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
            return super().read(topic, partition, offset, min(limit, 1))

    log = Sparing()
    reading = Reading(log)
    put(log, b"a")
    put(log, b"b")
    reading.look([PLACE])

    assert [one.key for one in reading.read(PLACE, 0, 10)] == [b"a"]
    assert [one.key for one in reading.read(PLACE, 1, 10)] == [b"b"]


def test_what_did_not_fit_is_read_on() -> None:
    log = Distant()
    reading = Reading(log)
    put(log, b"a")
    put(log, b"b")
    reading.look([PLACE])

    (first,) = reading.read(PLACE, 0, 1)

    assert [one.key for one in reading.read(PLACE, first.offset + 1, 10)] == [b"b"]


def test_partitions_are_read_in_turn_until_so_many_bytes_are_reached() -> None:
    log = Distant(2)
    other = (PLACE[0], 1)
    log.append([Outgoing(*PLACE, key, b"12345") for key in (b"a", b"b", b"c")])
    log.append([Outgoing(*other, b"d", b"12345")])
    reading = Reading(log)
    reading.look([PLACE, other])

    found, full = reading.in_turn({PLACE: 0, other: 0}, 10, 6)
    assert {place: [one.key for one in read] for place, read in found.items()} == {
        PLACE: [b"a", b"b"]
    }
    assert full
    found, full = reading.in_turn({PLACE: 2, other: 0}, 10, 100)
    assert [one.key for read in found.values() for one in read] == [b"c", b"d"]
    assert not full


class Answering(Distant):
    """Reads many partitions at once, and counts how often it is asked to."""

    def __init__(self, partitions: int = 1) -> None:
        super().__init__(partitions)
        self.asked: list[dict[Place, int]] = []

    def read_each(self, positions: Mapping[Place, int], limit: int) -> dict[Place, list[Record]]:
        self.asked.append(dict(positions))
        return {place: MemoryLog.read(self, *place, at, limit) for place, at in positions.items()}


def test_what_was_fetched_at_once_is_read_of_no_partition_alone() -> None:
    log = Answering(2)
    other = (PATTERNS.name, 1)
    reading = Reading(log)
    for key in (b"a", b"b", b"c"):
        put(log, key)
    reading.look([PLACE, other])
    reading.fetch({PLACE: 0, other: 0}, 10)

    first = reading.read(PLACE, 0, 2)
    reading.look([PLACE, other])
    reading.fetch({PLACE: first[-1].offset + 1, other: 0}, 10)
    rest = reading.read(PLACE, first[-1].offset + 1, 2)

    assert [one.key for one in (*first, *rest)] == [b"a", b"b", b"c"]
    assert reading.read(other, 0, 2) == []
    assert log.asked == [{PLACE: 0, other: 0}, {other: 0}], "what was left over stays"
    assert log.reads == 0


def test_what_was_read_ahead_is_let_go_of_where_some_was_pruned() -> None:
    log = Answering()
    reading = Reading(log)
    for key in (b"a", b"b"):
        put(log, key)
    reading.look([PLACE])
    reading.fetch({PLACE: 0}, 10)
    reading.read(PLACE, 0, 1)

    reading.drop(PLACE)
    reading.read(PLACE, 1, 1)

    assert log.reads == 1, "the log was asked for what is left"


def test_what_was_fetched_elsewhere_is_not_taken_for_what_is_read() -> None:
    log = Answering()
    reading = Reading(log)
    for key in (b"a", b"b", b"c"):
        put(log, key)
    reading.look([PLACE])
    reading.fetch({PLACE: 1}, 10)

    assert [one.key for one in reading.read(PLACE, 0, 10)] == [b"a", b"b", b"c"]


def test_a_partition_that_did_not_move_is_not_fetched() -> None:
    log = Answering()
    reading = Reading(log)
    put(log, b"a")
    for _ in range(3):
        reading.look([PLACE])
        reading.fetch({PLACE: 1}, 10)
        assert reading.read(PLACE, 1, 10) == []

    assert log.asked == [{PLACE: 1}]


def test_going_back_reads_again() -> None:
    log = Distant()
    reading = Reading(log)
    put(log, b"a")
    reading.look([PLACE])

    assert reading.read(PLACE, 0, 10) == reading.read(PLACE, 0, 10) != []


def test_a_projector_that_has_caught_up_asks_for_ends_only(tmp_path: Path) -> None:
    log = Distant(3)
    with Store.open(tmp_path / "projection.duckdb", log_id=LOG_ID) as store:
        projector = Projector(log, store)
        log.append([Outgoing(*PLACE, b"a", None)])
        projector.catch_up()
        before = log.reads

        assert projector.step() == 0
        assert log.reads == before
        projector.close()


def test_totals_come_in_the_same_step_as_the_rows_they_count(world: World) -> None:
    for number in range(5):
        world.append(prompt(str(number)))
        world.learn()
        world.contribute((1, 0, number), {"occurrences": number + 1})

        world.projector.step()

        assert len(world.rows("user_prompts")) == number + 1
        assert [row["occurrences"] for row in world.rows("pattern_totals")] == [number + 1]


def test_with_much_to_project_contributions_wait_until_there_are_fewer(world: World) -> None:
    world.append(*[prompt(str(number)) for number in range(4)])
    world.learn()
    world.contribute((1, 0, 0), {"occurrences": 1})
    world.projector.step()  # The very first step takes them in any case.
    world.append(*[prompt(str(number)) for number in range(4, 10)])
    world.learn()
    world.contribute((1, 0, 9), {"occurrences": 2})

    world.projector.step(limit=4)
    early = [row["occurrences"] for row in world.rows("pattern_totals")]
    world.project()

    assert early == [1]
    assert [row["occurrences"] for row in world.rows("pattern_totals")] == [2]
