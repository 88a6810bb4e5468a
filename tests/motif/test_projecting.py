"""The projector process: soon up to date, patient with a log that is gone, one a folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

import motif
from connectors.generate import tool_events
from connectors.logs.sqlite import SqliteLog
from motif import projecting
from motif.asking import Asked
from motif.beside import PROJECTION
from motif.projecting import Projecting, projector_of
from motif.questions import fingerprint
from projections.projector import Projector
from projections.remote import NobodyAnswers, RemoteStore
from projections.store import Store
from schemas.clock import monotonic_s
from schemas.errors import LogHeld, LogUnavailable
from schemas.log import Record

LIMIT_S = 30.0


class Leaving(SqliteLog):
    """A log that can be gone for a while."""

    gone = Event()

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        if self.gone.is_set():
            raise LogUnavailable("the broker does not answer")
        return super().read(topic, partition, offset, limit)


@dataclass
class Running:
    """A projector in a thread, of the log of an embedded folder, into a folder of its own."""

    source: Path
    folder: Path
    said: list[str] = field(default_factory=list)
    stop: Event = field(default_factory=Event)
    failed: list[BaseException] = field(default_factory=list)

    def start(self) -> "Running":
        self.thread = Thread(target=self._run)
        self.thread.start()
        return self

    def end(self) -> None:
        self.stop.set()
        self.thread.join(LIMIT_S)
        assert not self.thread.is_alive()

    def _run(self) -> None:
        try:
            Projecting(self.folder, self._open, "a log", self.said.append).run(self.stop)
        except LogHeld as error:
            self.failed.append(error)

    def _open(self) -> Leaving:
        if Leaving.gone.is_set():
            raise LogUnavailable("the broker does not answer")
        return Leaving.open(self.source, read_only=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder whose log was learned, with tables of its own that nobody looks at here."""
    with motif.open(tmp_path / "source") as node:
        node.publish(tool_events(3, 200))
        node.settle()
    return tmp_path / "source"


@pytest.fixture
def running(source: Path, tmp_path: Path) -> Iterator[Running]:
    Leaving.gone.clear()
    running = Running(source, tmp_path / "serving").start()
    yield running
    running.end()


def asked(running: Running) -> Asked:
    """Whoever answers there, once it does."""
    return Asked(running.folder, "?")


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until it is so, which must not take long."""
    began_s = monotonic_s()
    while not what():
        assert monotonic_s() - began_s < LIMIT_S, "it does not happen"
        Event().wait(0.02)


def calls(node: Asked) -> int:
    (row,) = node.sql("SELECT count(*) AS n FROM tool_calls").to_pylist()
    return int(row["n"])


def check_becomes(node: Asked, embedded: motif.Node) -> None:
    """Its tables become those of the embedded node; rows of patterns may come a moment later."""
    with suppress(AssertionError):
        wait_for(lambda: fingerprint(node) == fingerprint(embedded))
    assert fingerprint(node) == fingerprint(embedded)


def test_what_was_learned_is_answered_while_it_runs(running: Running, source: Path) -> None:
    node = asked(running)

    wait_for(lambda: calls(node) == 200)
    wait_for(lambda: node.store.about().caught_up_at_us is not None)

    with motif.open(source) as embedded:
        assert fingerprint(node) == fingerprint(embedded)
        assert node.patterns(limit=1000) == embedded.patterns(limit=1000)
        name = embedded.patterns(limit=1)[0].pattern_id
        assert node.pattern(name) == embedded.pattern(name)


def test_what_is_learned_meanwhile_is_seen_a_moment_later(running: Running, source: Path) -> None:
    node = asked(running)
    with motif.open(source) as embedded:
        embedded.publish(tool_events(4, 300))
        embedded.settle()

        wait_for(lambda: calls(node) == 500)
        check_becomes(node, embedded)


def test_a_step_that_waited_for_the_log_does_not_keep_rows_of_patterns_waiting(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost_s = [0.0]
    step = Projector.step

    def hanging(self: Projector, *, rows: bool | None = None) -> int:
        if rows and not lost_s[0]:
            lost_s[0] = 600.0
        return step(self, rows=rows is not False)

    monkeypatch.setattr(projecting, "monotonic_s", lambda: monotonic_s() + lost_s[0])
    monkeypatch.setattr(Projector, "step", hanging)
    running = Running(source, tmp_path / "hung").start()
    try:
        node = asked(running)
        wait_for(lambda: lost_s[0] > 0)

        with motif.open(source) as embedded:
            embedded.publish(tool_events(4, 300))
            embedded.settle()
            wait_for(lambda: calls(node) == 500)
            check_becomes(node, embedded)
    finally:
        running.end()


def test_what_comes_meanwhile_is_taken_together(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction costs as much as hundreds of rows, so it waits for more to come."""
    begun: list[float] = []
    step = Projector.step

    def noted(self: Projector, *, rows: bool = True) -> int:
        begun.append(monotonic_s())
        return step(self, rows=rows)

    monkeypatch.setattr(Projector, "step", noted)
    running = Running(source, tmp_path / "paced").start()
    node = asked(running)
    with motif.open(source) as embedded:
        for seed in range(10, 13):
            embedded.publish(tool_events(seed, 50))
            embedded.settle()
    begun.clear()
    wait_for(lambda: len(begun) > 3)
    running.end()

    pauses = [after - before for before, after in pairwise(begun)]
    assert min(pauses) > 0.9 * projecting.PACE_S
    assert node.about.trouble is None


def test_who_projects_what_and_how_far_is_known(running: Running, source: Path) -> None:
    node = asked(running)
    with motif.open(source) as embedded:
        identity = embedded.identity

    wait_for(lambda: sum(end.end for end in node.store.about().ends) >= 200)
    about = node.store.about()

    assert (about.pid, about.log, about.log_id) == (os.getpid(), "a log", identity.log_id)
    assert about.trouble is None
    assert projector_of(running.folder) == str(os.getpid())


def test_a_log_that_is_gone_is_said_once_answered_without_and_gone_on_with(
    running: Running, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "TROUBLE_S", (0.05, 0.1))
    node = asked(running)
    wait_for(lambda: calls(node) == 200)

    Leaving.gone.set()
    wait_for(lambda: node.store.about().trouble is not None)
    gone = (calls(node), node.store.about().trouble)
    Leaving.gone.clear()
    wait_for(lambda: "a log is back." in running.said)
    with motif.open(source) as embedded:
        embedded.publish(tool_events(4, 100))
        embedded.settle()

    wait_for(lambda: _calls_soon(running) == 300)
    assert gone == (200, "the broker does not answer")
    assert running.said == ["the broker does not answer; waiting.", "a log is back."]


def _calls_soon(running: Running) -> int:
    """The rows, or none while the projection is opened again."""
    try:
        return calls(asked(running))
    except LogUnavailable:
        return -1


def test_it_waits_for_a_log_that_is_not_there_yet(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "TROUBLE_S", (0.05, 0.1))
    Leaving.gone.set()
    running = Running(source, tmp_path / "serving").start()
    wait_for(lambda: bool(running.said))
    with pytest.raises(NobodyAnswers):
        RemoteStore(running.folder).about()

    Leaving.gone.clear()

    assert calls(asked(running)) >= 0
    running.end()


def test_a_second_one_in_the_same_folder_is_refused_with_the_first_ones_name(
    running: Running, source: Path
) -> None:
    asked(running)

    second = Running(source, running.folder).start()
    second.end()

    (refused,) = second.failed
    assert f"is kept up to date by process {os.getpid()}; wait" in str(refused)


def test_it_ends_at_once_and_leaves_the_file_to_others(running: Running, source: Path) -> None:
    node = asked(running)
    wait_for(lambda: calls(node) == 200)
    log_id = node.about.log_id

    began_s = monotonic_s()
    running.end()

    assert monotonic_s() - began_s < 5
    assert projector_of(running.folder) is None
    with Store.open(running.folder / PROJECTION, log_id=log_id) as store:
        assert not store.rebuilt


def test_a_log_that_never_answers_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    stop, entered, never = Event(), Event(), Event()

    def hanging() -> SqliteLog:
        entered.set()
        never.wait()
        raise LogUnavailable("too late")

    process = Projecting(tmp_path, hanging, "a log", lambda _: None)
    thread = Thread(target=process.run, args=(stop,))
    thread.start()
    assert entered.wait(LIMIT_S)
    began_s = monotonic_s()
    stop.set()
    thread.join(LIMIT_S)

    assert monotonic_s() - began_s < 5
    never.set()


PROCESS = """
import signal, sys
from pathlib import Path
from threading import Event
from connectors.logs.sqlite import SqliteLog
from motif.projecting import Projecting
stop = Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
source, folder = Path(sys.argv[1]), Path(sys.argv[2])
open_log = lambda: SqliteLog.open(source, read_only=True)
Projecting(folder, open_log, "a log", lambda sentence: print(sentence, flush=True)).run(stop)
"""


def process(source: Path, folder: Path, **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(source), str(folder)], env=os.environ | environment
    )


def test_told_to_end_it_ends_with_code_0(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "serving"
    with process(source, folder) as running:
        wait_for(lambda: projector_of(folder) is not None)
        node = Asked(folder, "?")
        wait_for(lambda: calls(node) == 200)
        assert node.about.pid == running.pid
        running.send_signal(signal.SIGTERM)

        assert running.wait(5) == 0


@pytest.mark.parametrize("place", ["before_commit", "after_commit"])
def test_killed_it_goes_on_where_it_was(source: Path, tmp_path: Path, place: str) -> None:
    folder = tmp_path / "serving"
    with process(source, folder, MOTIF_FAILPOINT=f"projector.{place}:1") as killed:
        assert killed.wait(LIMIT_S) == -signal.SIGKILL
    assert projector_of(folder) is None

    running = Running(source, folder).start()
    node = asked(running)
    wait_for(lambda: calls(node) == 200)

    with motif.open(source) as embedded:
        assert fingerprint(node) == fingerprint(embedded)
    running.end()
    assert running.said == []
