"""An event loop in a thread of its own, for those who call from ordinary code."""

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Thread
from typing import Any, Final, TypeVar
from weakref import WeakSet

from aiokafka.errors import KafkaError

from schemas.errors import LogUnavailable, WrongUse

Answer = TypeVar("Answer")

_LOGGER: Final = logging.getLogger(__name__)

WAIT_S: Final = 60.0
"""How long a call to the cluster may take before it is given up."""

TURNS: Final = 3
"""Turns of the loop after which a connection that was ended has let go of its socket."""


class _Loop(asyncio.SelectorEventLoop):
    """A loop that can end its connections: the library forgets those that were not let in."""

    def __init__(self) -> None:
        super().__init__()
        self._opened = WeakSet[asyncio.Transport]()

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        """Open one, and keep it in mind."""
        transport, protocol = await super().create_connection(*args, **options)
        self._opened.add(transport)
        return transport, protocol

    async def end_connections(self) -> None:
        """End those that are still open, without a farewell that nobody may answer."""
        for transport in list(self._opened):
            transport.abort()
        for _ in range(TURNS):
            await asyncio.sleep(0)


class EventLoop:
    """Runs coroutines for other threads, one loop for all of them."""

    def __init__(self, name: str, where: str) -> None:
        """Start it; `where` is named when something goes wrong."""
        self._where = where
        self._loop = _Loop()
        self._loop.set_exception_handler(_left_behind)
        self._closed = False
        self._thread = Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Answer], limit_s: float = WAIT_S) -> Answer:
        """The result of the coroutine.

        Raises:
            LogUnavailable: the cluster did not do it, or not in time.
            WrongUse: the loop was stopped.
        """
        try:
            self.check_running()
        except WrongUse:
            work.close()
            raise
        future: Future[Answer] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(limit_s)
        except TimeoutError as error:
            future.cancel()
            message = f"Kafka at {self._where} did not answer within {limit_s:.0f} s"
            raise LogUnavailable(message) from error
        except CancelledError as error:
            raise WrongUse(f"the log on Kafka at {self._where} was closed meanwhile") from error
        except (KafkaError, OSError) as error:
            message = f"Kafka at {self._where}: {sentence(error)}"
            raise LogUnavailable(message) from error

    def check_running(self) -> None:
        """Refuse to go on once it was stopped.

        Raises:
            WrongUse: it was.
        """
        if self._closed:
            raise WrongUse(f"the log on Kafka at {self._where} was closed; open it again")

    def stop(self) -> None:
        """End the loop and what still runs in it; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_end(self._loop), self._loop).result(5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
        if not self._thread.is_alive():
            self._loop.close()


def sentence(error: BaseException) -> str:
    """What a library's error says, or its name where it says nothing."""
    said = " ".join(str(error).split())
    return said if said and len(said) > 3 else type(error).__name__  # noqa: PLR2004  # "[]" is no word


def _left_behind(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Note what nobody awaited: the library's own futures, whose error was raised already."""
    _LOGGER.debug("%s", context.get("message"), exc_info=context.get("exception"))


async def _end(loop: _Loop) -> None:
    """Cancel what still runs, and close what is still open."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await loop.end_connections()
