"""The process that learns and federates a log on Kafka."""

from motif.cli.options import Data, Kafka
from schemas.errors import WrongUse


def worker(data: Data = None, kafka: Kafka = None) -> None:
    """Learn and federate the log on Kafka, until stopped.

    Any number may run, on any number of machines; one may come or go at any moment. DIR is where
    workers of this machine keep their stores. It is the same as: faust -A streams.app worker.
    """
    from motif.cli.opened import where_of
    from motif.display.console import say
    from motif.where import open_kafka
    from motif.workers import become_worker
    from streams.identity import known_identity

    where, _ = where_of(data, kafka)
    if where.kafka is None:
        raise WrongUse(
            f"a worker is for a log on Kafka, and {where.log} is none: name one by --kafka; "
            "a node without Kafka learns by itself"
        )
    with open_kafka(where.kafka) as log:
        known_identity(log)
    say(f"{where.log} is learned.")
    become_worker(where.kafka, data)
