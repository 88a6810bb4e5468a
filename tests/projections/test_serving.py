"""A projection asked over its socket while it is written: the same answers, the same limits."""

import os
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from projections import overview, queries, serving, sockets, sql, wire
from projections.remote import NobodyAnswers, RemoteStore
from projections.serving import Serving
from projections.tables.types import rows_of
from schemas.errors import LogUnavailable, ProjectionDamaged, WrongUse
from tests.projections.world import LOG_ID, NOON_US, World


def about() -> wire.About:
    return wire.About(
        pid=os.getpid(),
        log="a log",
        site_id="s",
        log_id=LOG_ID,
        label="",
        allowed_servers=[],
        settings_changes=0,
        caught_up_at_us=NOON_US,
        looked_at_us=NOON_US,
        trouble=None,
        ends=[wire.End("x", 0, 7, 2)],
    )


@pytest.fixture
def served(world: World) -> Iterator[World]:
    """Three patterns, and a process that answers about them."""
    for number, name in enumerate(("Bash", "Read", "Edit")):
        world.pattern("tool", name, occurrences=number + 1)
    world.project()
    with Serving(world.store, world.folder, about):
        yield world


@pytest.fixture
def remote(served: World) -> RemoteStore:
    return RemoteStore(served.folder)


def test_questions_have_the_answers_they_have_here(served: World, remote: RemoteStore) -> None:
    here, there = queries.patterns(served.store), queries.patterns(remote)
    names = [one.pattern_id for one in here]

    assert here == there != []
    assert queries.status(served.store) == queries.status(remote)
    assert queries.pattern(served.store, "Bash") == queries.pattern(remote, "Bash")
    assert overview.fingerprint(served.store) == overview.fingerprint(remote)
    assert overview.measures_of(served.store, names) == overview.measures_of(remote, names)


def test_a_question_of_anybody_has_the_same_columns_and_types(
    served: World, remote: RemoteStore
) -> None:
    query = (
        "SELECT 1::DECIMAL(18,9) AS money, NULL AS nothing, now()::DATE AS day, [1, 2] AS list,"
        " {'a': 'b'} AS nested, 'x'::BLOB AS bytes, 'a'::ENUM ('a', 'b') AS one"
    )

    assert sql(remote, query).equals(sql(served.store, query))


def test_no_rows_are_an_answer_too(remote: RemoteStore) -> None:
    answer = sql(remote, "SELECT pattern_id, occurrences FROM patterns WHERE false")

    assert answer.column_names == ["pattern_id", "occurrences"]
    assert answer.num_rows == 0


def test_values_are_bound_in_order_and_by_name(remote: RemoteStore) -> None:
    by_order = sql(remote, "SELECT ? + ? AS n", parameters=[1, 2])
    with remote.reading() as cursor:
        by_name = cursor.execute("SELECT $a || $b AS t", {"a": "x", "b": "y"}).fetchall()

    assert by_order.to_pylist() == [{"n": 3}]
    assert by_name == [("xy",)]


def test_no_more_rows_come_than_asked_for(remote: RemoteStore) -> None:
    answer = sql(remote, "FROM range(100000)", row_limit=12_345)

    assert answer.num_rows == 12_345


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DROP TABLE positions", "only reading is allowed"),
        ("SELECT 1; SELECT 2", "has 2 statements"),
        ("SELECT * FROM read_csv('/etc/passwd')", "reaches for a file"),
        ("SELECT checkpoint()", "does more than read"),
        ("SELECT nonsense", "was not understood"),
        ("SELECT error('boom') FROM patterns", "boom"),
    ],
)
def test_what_is_refused_here_is_refused_there(remote: RemoteStore, query: str, words: str) -> None:
    with pytest.raises(WrongUse, match=words):
        sql(remote, query)


ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b"


def test_a_question_that_takes_too_long_is_given_up(remote: RemoteStore) -> None:
    with pytest.raises(WrongUse, match=r"took longer than 0\.2 s"):
        sql(remote, ENDLESS, timeout_s=0.2)


def test_rows_that_never_end_are_given_up_in_the_middle(remote: RemoteStore) -> None:
    with pytest.raises(WrongUse, match="took longer"):
        sql(remote, "SELECT range FROM range(100000000000)", timeout_s=0.5)


def test_an_answer_that_is_too_large_is_refused(
    remote: RemoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ANSWER_MAX", 1 << 20)

    with pytest.raises(WrongUse, match="the answer is over 1 MiB; ask for less"):
        sql(remote, "SELECT range FROM range(1000000)")
    assert sql(remote, "SELECT 1 AS n").num_rows == 1


def test_a_question_that_is_too_large_is_refused(remote: RemoteStore) -> None:
    with pytest.raises(WrongUse, match="it must be under 4 MiB"):
        sql(remote, "SELECT 1 -- " + "x" * wire.REQUEST_MAX)


def test_what_is_projected_meanwhile_is_seen_by_the_next_question(
    served: World, remote: RemoteStore
) -> None:
    with ThreadPoolExecutor(4) as pool:
        for number in range(12):
            served.pattern("tool", "Bash", occurrences=number)
            served.project()
            asked = [pool.submit(queries.pattern, remote, "Bash") for _ in range(4)]

            for one in asked:
                detail = one.result()
                assert detail is not None
                assert detail.pattern.occurrences == number


def test_more_questions_than_turns_wait_for_theirs(
    remote: RemoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(30) as pool:
        answers = pool.map(lambda n: sql(remote, f"SELECT {n} AS n").to_pylist(), range(60))

        assert list(answers) == [[{"n": n}] for n in range(60)]


def test_who_does_not_get_a_turn_is_told(
    served: World, remote: RemoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PATIENCE_S", 0.05)
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(sql, remote, ENDLESS, timeout_s=2.0) for _ in range(12)]
        errors = [one.exception() for one in asked]

    assert {type(error) for error in errors} == {WrongUse, LogUnavailable}
    assert any("ask again in a moment" in str(error) for error in errors)


def test_closing_interrupts_what_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Serving(world.store, world.folder, about)
    remote = RemoteStore(world.folder)
    failed: list[BaseException] = []
    begun = Event()
    interruptible = server._interruptible

    def told(*args: Any) -> None:
        interruptible(*args)
        begun.set()

    monkeypatch.setattr(server, "_interruptible", told)

    def ask() -> None:
        try:
            sql(remote, ENDLESS)
        except (LogUnavailable, WrongUse, ProjectionDamaged) as error:
            failed.append(error)

    thread = Thread(target=ask)
    thread.start()
    assert begun.wait(10)
    server.close()
    thread.join(10)

    assert not thread.is_alive()
    assert len(failed) == 1
    assert not (world.folder / sockets.NAME).exists()
    assert not server._cursors, "its query has ended as well"
    server.close()


def test_where_nobody_listens_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(NobodyAnswers, match=r"nobody answers at .*projection\.sock"):
        sql(RemoteStore(tmp_path), "SELECT 1")


def test_who_answers_is_known(remote: RemoteStore) -> None:
    assert remote.about() == about()


def test_only_the_same_user_may_ask(served: World) -> None:
    assert stat.S_IMODE((served.folder / sockets.NAME).stat().st_mode) == 0o600


def test_a_folder_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    world = World(folder)
    with Serving(world.store, folder, about):
        path = sockets.socket_of(folder)
        found = sql(RemoteStore(folder), "SELECT 1 AS n").to_pylist()

        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    world.close()

    assert path.parent != folder
    assert found == [{"n": 1}]
    assert not path.parent.exists()
    assert not (folder / sockets.ELSEWHERE).exists()


def test_a_socket_that_was_left_over_is_taken_away(world: World) -> None:
    left = sockets.listening(world.folder)
    left.close()
    assert (world.folder / sockets.NAME).exists()

    with Serving(world.store, world.folder, about):
        assert RemoteStore(world.folder).about().log == "a log"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x05abc",
        b"\x00\x00\x00\x03abc",
        (4).to_bytes(4, "big") + b"\x81\xa1a\x01",
    ],
)
def test_noise_on_the_socket_harms_nobody(
    served: World, remote: RemoteStore, content: bytes
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(sockets.socket_of(served.folder)))
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        try:
            answer = wire.receive(connection)
        except ConnectionResetError:  # It was hung up on before all was read.
            answer = None

    assert answer is None or answer[:1] == wire.ERROR
    assert sql(remote, "SELECT 1 AS n").num_rows == 1


def test_another_protocol_is_refused_with_a_sentence(served: World) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(sockets.socket_of(served.folder)))
        wire.send(connection, wire.encode(wire.Who(protocol=99)))
        answer = wire.receive(connection)

    assert answer is not None
    excuse = wire.decode_excuse(answer[1:])
    assert (excuse.code, "protocol 1 and was asked by 99" in excuse.sentence) == ("wrong_use", True)


def test_rows_as_tuples_are_those_of_a_cursor(served: World, remote: RemoteStore) -> None:
    query = "SELECT title, occurrences FROM patterns ORDER BY title"
    with served.store.reading() as here, remote.reading() as there:
        expected = here.execute(query).fetchall()

        assert there.execute(query).fetchall() == expected
        assert len(rows_of(there.to_arrow_table())) == 3
