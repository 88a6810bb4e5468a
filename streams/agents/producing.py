"""A producer that waits for a cluster that is away, as long as it takes.

Faust's own gives up when a change of its table found no room among those that wait to be sent for
as long as a request may take, and the whole worker ends with it. There is room again as soon as
the broker is back, or when the changes before it have grown too old; what the table's changelog
lacks then is found by comparing the table with the log.
"""

import asyncio
import logging
from typing import Any, Final

from aiokafka.errors import KafkaTimeoutError
from faust.exceptions import ProducerSendError
from faust.transport.drivers import aiokafka

_LOGGER: Final = logging.getLogger(__name__)


class PatientProducer(aiokafka.Producer):
    """Faust's producer on aiokafka, which tries again what found no room in time."""

    async def create_topic(self, *topic: Any, **told: Any) -> None:
        """Have a topic made, unless it is there.

        Who asks for the same topic at the same time waits for one answer, and Faust takes it from
        all of them when one is cancelled: a worker told to end while it starts then failed, by an
        `InvalidStateError`. So whoever is cancelled is so alone.
        """
        await asyncio.shield(super().create_topic(*topic, **told))

    async def send(self, *message: Any, **told: Any) -> Any:
        """Have a message sent; what comes of it can be awaited.

        Raises:
            ProducerSendError: it cannot be sent, and not because the cluster is away.
        """
        while True:
            try:
                return await super().send(*message, **told)
            except ProducerSendError as error:
                if self.should_stop or not isinstance(error.__cause__, KafkaTimeoutError):
                    raise
                _LOGGER.warning("the cluster takes no changes of the table; they wait for it")
