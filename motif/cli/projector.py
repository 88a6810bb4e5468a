"""The process that keeps the tables of a Kafka installation up to date."""

import signal
from threading import Event
from typing import Any

from motif.cli.options import Data, Kafka
from schemas.errors import WrongUse


def projector(data: Data = None, kafka: Kafka = None) -> None:
    """Keep the tables up to date with the log on Kafka, and answer about them, until stopped.

    One runs on each machine that answers questions; every command that names its folder, or the
    same --kafka, then asks it. Ctrl-C or SIGTERM ends it at any moment without loss.
    """
    import logging

    from motif.cli.opened import where_of
    from motif.display.console import say, warn
    from motif.projecting import Projecting
    from motif.where import open_archived

    logging.getLogger("projections").addHandler(logging.NullHandler())
    where, _ = where_of(data, kafka)
    cluster = where.kafka
    if cluster is None:
        raise WrongUse(
            f"a projector is for a log on Kafka, and {where.log} is none: name one by --kafka; "
            "a node without Kafka projects by itself"
        )
    stop = Event()

    def end(*_: Any) -> None:
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, end)
    say(f"{where.log} is projected into {where.folder}.")
    Projecting(where.folder, lambda: open_archived(cluster, where.folder), where.log, warn).run(
        stop
    )
