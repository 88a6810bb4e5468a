"""Finding out how an installation on Kafka fares, as far as it can be reached."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Final

from connectors.logs import sqlite_file
from connectors.logs.kafka_settings import KafkaSettings
from motif.asking import Asked
from motif.following import FollowingNode
from motif.opening import open_following
from motif.projecting import projector_of
from motif.standing import Sight
from motif.where import Where
from projections import queries
from projections.reading import Place
from schemas.errors import LogUnavailable
from streams.identity import Identity

OWNERS_TRIES: Final = 4
OWNERS_PAUSE_S: Final = 1.0


def is_followed(where: Where) -> bool:
    """Whether the log of that place is learned by other processes."""
    if where.kafka is not None:
        return True
    return not sqlite_file.exists(where.folder) and projector_of(where.folder) is not None


@contextmanager
def seen(where: Where) -> Iterator[Sight]:
    """What can be found out of an installation: by its log, by its projector, or by both.

    Raises:
        LogUnavailable: by neither.
    """
    running = projector_of(where.folder)
    if where.kafka is None and running is not None:
        with Asked(where.folder, running) as asked:
            yield _by_projector(where, asked, None)
        return
    try:
        node = open_following(where)
    except LogUnavailable as trouble:
        if running is None:
            raise
        with Asked(where.folder, running) as asked:
            yield _by_projector(where, asked, str(trouble))
        return
    with node:
        yield _by_log(where, node)


def _by_projector(where: Where, asked: Asked, trouble: str | None) -> Sight:
    """What the projector knows; nobody knows owners then."""
    about = asked.about
    identity = Identity(
        site_id=about.site_id,
        log_id=about.log_id,
        label=about.label,
        allowed_servers=frozenset(about.allowed_servers),
        settings_changes=about.settings_changes,
    )
    return Sight(
        name=about.log,
        folder=where.folder,
        identity=identity,
        held=asked.ask(queries.status),
        rows_behind=asked.ask(queries.rows_behind),
        about=about,
        trouble=trouble,
    )


def _by_log(where: Where, node: FollowingNode) -> Sight:
    assert where.kafka is not None, "a node that follows has a cluster"
    about = None if node.asked is None else node.asked.about
    owners, trouble = owners_of(where.kafka)
    return Sight(
        name=where.log,
        folder=where.folder,
        identity=node.identity,
        held=node.ask(queries.status),
        rows_behind=node.ask(queries.rows_behind),
        log=node.log,
        owners=owners,
        about=about,
        trouble=trouble,
    )


def owners_of(kafka: KafkaSettings) -> tuple[Mapping[Place, str] | None, str | None]:
    """Which worker has which partition; where nobody can say, a sentence.

    The first question about a group that a cluster ever gets is answered a moment later.
    """
    from connectors.logs.kafka_topics import owners  # noqa: PLC0415  # Only where it is installed.

    said = ""
    for _ in range(OWNERS_TRIES):
        try:
            return owners(kafka), None
        except LogUnavailable as trouble:
            said = str(trouble)
            Event().wait(OWNERS_PAUSE_S)
    return None, f"who learns which partition is not known: {said}"
