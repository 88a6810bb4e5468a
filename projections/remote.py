"""A projection that another process has open, asked over its socket as if it were here."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa

from projections import sockets, wire
from projections.store import Store
from schemas.closing import Closing
from schemas.errors import LogUnavailable, MotifError, ProjectionDamaged, WrongUse

MARGIN_S: Final = 30.0
"""How much longer than the answer may take we wait for it: the other side says more in words."""

_ERRORS: Final[Mapping[str, type[MotifError]]] = {
    "wrong_use": WrongUse,
    "damaged": ProjectionDamaged,
}


class NobodyAnswers(LogUnavailable):
    """No process listens on the folder's socket."""


class RemoteStore(Closing):
    """Gives readers what `Store` gives them; for any number of threads."""

    def __init__(self, folder: Path) -> None:
        """Bind to a folder; nothing is asked before the first question."""
        self.folder: Final = folder

    def about(self) -> wire.About:
        """Who answers, and how far it is.

        Raises:
            NobodyAnswers: nobody does.
        """
        return wire.decode_about(b"".join(self._asked(wire.Who(), MARGIN_S)))

    @contextmanager
    def reading(self) -> Iterator["RemoteCursor"]:
        """Something to ask with, as a cursor is."""
        yield RemoteCursor(self)

    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        row_limit: int | None = None,
        timeout_s: float = 30.0,
    ) -> pa.Table:
        """The answer to one reading statement.

        Raises:
            WrongUse: it is mistaken, asks for too much, or does more than read.
            LogUnavailable: nobody answers.
            ProjectionDamaged: the file is being made anew.
        """
        bound = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        request = wire.Question(query, bound, row_limit, timeout_s)
        content = b"".join(self._asked(request, timeout_s + MARGIN_S))
        with pa.ipc.open_stream(content) as stream:
            return stream.read_all()

    def close(self) -> None:
        """Nothing is held between questions."""

    def _asked(self, request: wire.Request, limit_s: float) -> Iterator[memoryview]:
        """The data of an answer, piece by piece."""
        path = sockets.socket_of(self.folder)
        content = wire.encode(request)
        if len(content) > wire.REQUEST_MAX:
            size = wire.REQUEST_MAX >> 20
            raise WrongUse(f"the question has {len(content):,} bytes; it must be under {size} MiB")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(limit_s)
            try:
                connection.connect(str(path))
            except OSError as error:
                raise NobodyAnswers(f"nobody answers at {path}: {error.strerror}") from error
            try:
                wire.send(connection, content)
                yield from _data(connection)
            except (OSError, wire.Broken) as error:
                message = f"the process that answers at {path} went away: {error}; ask again"
                raise LogUnavailable(message) from error


class RemoteCursor:
    """Asks and gives answers as a cursor does: `execute`, then the rows."""

    def __init__(self, store: RemoteStore) -> None:
        self._store = store
        self._answer: pa.Table | None = None

    def execute(self, query: str, parameters: Any = None) -> Self:
        """Ask one reading statement."""
        self._answer = self._store.sql(query, parameters or ())
        return self

    def to_arrow_table(self) -> pa.Table:
        """All rows."""
        assert self._answer is not None, "something was asked before"
        return self._answer

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows as tuples."""
        columns = [column.to_pylist() for column in self.to_arrow_table().columns]
        return list(zip(*columns, strict=True))


Readable = Store | RemoteStore
"""A projection that can be asked: open here, or in another process."""


def _data(connection: socket.socket) -> Iterator[memoryview]:
    while (frame := wire.receive(connection)) is not None:
        view = memoryview(frame)
        kind = bytes(view[:1])
        if kind == wire.DATA:
            yield view[1:]
        elif kind == wire.END:
            return
        else:
            excuse = wire.decode_excuse(view[1:])
            raise _ERRORS.get(excuse.code, LogUnavailable)(excuse.sentence)
    raise wire.Broken("it ended without an answer")
