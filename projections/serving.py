"""Answers questions of other processes while this one writes the projection.

DuckDB lets one process open a file for writing, and no other read it meanwhile. So who wants to
read asks the process that has it open, over a Unix socket which only the same user may open. Each
client is a thread with a cursor of its own; what it asks is held by the limits of `adhoc`.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore, Lock, Thread
from typing import Final

import duckdb
import msgspec
import pyarrow as pa
from duckdb import DuckDBPyConnection

from projections import adhoc, sockets, wire
from projections.store import Store
from schemas.clock import monotonic_s
from schemas.closing import Closing
from schemas.errors import MotifError, ProjectionDamaged, WrongUse

AT_ONCE: Final = 8
"""Questions answered at once; more wait."""

PATIENCE_S: Final = 20.0
"""How long a question waits for its turn, and an answer for its reader."""

CLOSING_S, AGAIN_S = 5.0, 0.05
"""How long the end of questions is waited for, and how often they are interrupted meanwhile."""

TIMEOUT_MAX_S: Final = 600.0

BATCH: Final = 10_000
"""Rows sent together."""


class Busy(MotifError):
    """So much is asked at once that this question did not get its turn."""


class Serving(Closing):
    """A listening socket of one store; closed, it ends every question that is being answered."""

    def __init__(self, store: Store, folder: Path, about: Callable[[], wire.About]) -> None:
        """Listen at once; `about` says who answers here."""
        self._store = store
        self._folder = folder
        self._about = about
        self._turns = BoundedSemaphore(AT_ONCE)
        self._lock = Lock()
        self._clients: dict[socket.socket, Thread] = {}
        self._cursors: set[DuckDBPyConnection] = set()
        self._closed = False
        self._listener = sockets.listening(folder)
        self._thread = Thread(target=self._accept, name="serving", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more questions, interrupt those under way, and wait for their end."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            clients = dict(self._clients)
        sockets.remove(self._folder)
        for connection in (self._listener, *clients):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        began_s = monotonic_s()
        for thread in (self._thread, *clients.values()):
            while thread.is_alive() and monotonic_s() - began_s < CLOSING_S:
                self._interrupt()
                thread.join(AGAIN_S)

    def _interrupt(self) -> None:
        """Interrupt what is asked; again and again, as what begins just now does not hear it."""
        with self._lock:
            for cursor in self._cursors:
                with suppress(duckdb.ConnectionException):  # It has just been closed: it ended.
                    cursor.interrupt()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE_S)
            thread = Thread(target=self._talk, args=(connection,), name="client", daemon=True)
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._clients[connection] = thread
                thread.start()

    def _talk(self, connection: socket.socket) -> None:
        """Answer one client until it ends."""
        try:
            with connection:
                while (frame := wire.receive(connection, wire.REQUEST_MAX)) is not None:
                    self._answer(connection, frame)
        except (OSError, wire.Broken):
            return  # It has gone, or is no client of ours: nobody is there to be told.
        finally:
            with self._lock:
                self._clients.pop(connection, None)

    def _answer(self, connection: socket.socket, frame: bytearray) -> None:
        try:
            request = _request(frame)
            if isinstance(request, wire.Who):
                wire.send(connection, wire.DATA, wire.encode(self._about()))
            else:
                self._rows(connection, request)
        except MotifError as error:
            excuse = wire.Excuse(_code(error), str(error))
            wire.send(connection, wire.ERROR, wire.encode(excuse))
        else:
            wire.send(connection, wire.END)

    def _rows(self, connection: socket.socket, question: wire.Question) -> None:
        if not self._turns.acquire(timeout=PATIENCE_S):
            raise Busy(f"{AT_ONCE} questions are being answered already; ask again in a moment")
        mine: list[DuckDBPyConnection] = []
        try:
            with adhoc.asked(
                self._store,
                question.query,
                question.parameters,
                timeout_s=min(max(question.timeout_s, 0.0), TIMEOUT_MAX_S),
                begun=lambda cursor: self._interruptible(cursor, mine),
            ) as answer:
                _stream(connection, answer, question.row_limit)
        finally:
            with self._lock:
                self._cursors.difference_update(mine)
            self._turns.release()

    def _interruptible(self, cursor: DuckDBPyConnection, mine: list[DuckDBPyConnection]) -> None:
        with self._lock:
            if self._closed:
                raise ProjectionDamaged("the process that answers is ending; ask again")
            self._cursors.add(cursor)
            mine.append(cursor)


class _Sink:
    """A file whose bytes become frames."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sent = 0
        self.closed = False

    def write(self, content: bytes) -> int:
        view = memoryview(content).cast("B")
        self.sent += len(view)
        if self.sent > wire.ANSWER_MAX:
            size = wire.ANSWER_MAX >> 20
            raise WrongUse(f"the answer is over {size} MiB; ask for less, or set a LIMIT")
        for piece in wire.pieces(view):
            wire.send(self._connection, wire.DATA, piece)
        return len(view)

    def flush(self) -> None:
        """Everything was sent already."""

    def close(self) -> None:
        self.closed = True


def _stream(connection: socket.socket, answer: adhoc.Answer, row_limit: int | None) -> None:
    rows, sink = 0, _Sink(connection)
    writer: pa.RecordBatchStreamWriter | None = None
    for batch in answer.batches(BATCH):
        if writer is None:
            writer = pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), batch.schema)
        kept = batch if row_limit is None else batch.slice(0, row_limit - rows)
        rows += kept.num_rows
        writer.write_batch(kept)
        if row_limit is not None and rows >= row_limit:
            break
    if writer is None:
        writer = pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), answer.schema)
    writer.close()


def _request(frame: bytearray) -> wire.Request:
    try:
        request: wire.Request = wire.decode_request(frame)
    except (msgspec.MsgspecError, ValueError) as error:
        raise WrongUse(f"the request cannot be read: {error}") from error
    if request.protocol != wire.PROTOCOL:
        message = (
            f"process {os.getpid()} speaks protocol {wire.PROTOCOL} and was asked by "
            f"{request.protocol}; run the same version of motif on both sides"
        )
        raise WrongUse(message)
    return request


def _code(error: MotifError) -> str:
    """The stable name of what went wrong."""
    for code, kind in (("wrong_use", WrongUse), ("damaged", ProjectionDamaged), ("busy", Busy)):
        if isinstance(error, kind):
            return code
    return "unavailable"
