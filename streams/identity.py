"""Who a log is, and under which rules it is learned: facts that stand in the log itself.

They are events on `pattern.definitions`, all under one key and therefore in one order. Of two
processes that both found a log at once the first event wins, for both.
"""

from dataclasses import dataclass, replace

from schemas.clock import new_id, now_us
from schemas.envelope import Event, decode, outgoing
from schemas.errors import LogIncompatible, LogUnavailable, Refused
from schemas.events import LogCreated, SettingsChanged
from schemas.ids import partition_of
from schemas.log import Log
from schemas.topics import PATTERN_DEFINITIONS
from streams.recognise import RULES_VERSION

SOURCE = "motif"
FORMAT = 1
"""Of the derived topics; another one is refused."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Site, log and their settings, as the log states them."""

    site_id: str
    log_id: str
    label: str
    allowed_servers: frozenset[str] = frozenset()
    settings_changes: int = 0

    @property
    def epoch(self) -> tuple[int, int]:
        """The epoch of this code under these settings."""
        return (RULES_VERSION, self.settings_changes)


def identity_of(log: Log) -> Identity | None:
    """Who the log says it is; None where nobody founded it yet.

    Raises:
        LogIncompatible: its derived topics have another format, or its partitions another number.
    """
    identity: Identity | None = None
    partition = partition_of(b"identity", log.partitions)
    offset = 0
    while records := log.read(PATTERN_DEFINITIONS.name, partition, offset, 1_024):
        offset = records[-1].offset + 1
        for record in records:
            if record.key == b"identity":
                try:
                    identity = _after(identity, decode(record), log.partitions)
                except Refused:
                    continue
    return identity


def known_identity(log: Log) -> Identity:
    """Who the log is.

    Raises:
        LogUnavailable: nobody founded it yet, or a copy into it is not whole.
    """
    identity = identity_of(log)
    if identity is None:
        raise LogUnavailable(
            "the log has no identity yet and is not learned; "
            "'motif topics create' gives it one, and a copy does when it is whole"
        )
    return identity


def found(log: Log, label: str, *, site_id: str | None = None) -> Identity:
    """Who the log is; it gets an identity now if it has none."""
    identity = identity_of(log)
    if identity is None:
        created = LogCreated(
            site_id=site_id or new_id(),
            log_id=new_id(),
            site_label=label or None,
            partitions=log.partitions,
            format=FORMAT,
        )
        event = Event(SOURCE, f"log/{created.log_id}", created, now_us())
        log.append([outgoing(event, log.partitions)])
        identity = identity_of(log)
        assert identity is not None, "what was just appended must be read back"
    return identity


def allow_servers(log: Log, identity: Identity, servers: frozenset[str]) -> Identity:
    """Record the MCP servers whose names may be shown; a change starts a new epoch."""
    while servers != identity.allowed_servers:
        changed = SettingsChanged(mcp_servers=sorted(servers))
        event = Event(SOURCE, _next_change(identity), changed, now_us())
        log.append([outgoing(event, log.partitions)])
        identity = identity_of(log) or identity  # somebody else's change may have come before
    return identity


def _next_change(identity: Identity) -> str:
    """The only id under which the next change of this log's settings counts.

    A change that is repeated, that lost a race, or that comes in a file from elsewhere, does not.
    """
    return f"settings/{identity.log_id}/{identity.settings_changes + 1}"


def _after(identity: Identity | None, event: Event, partitions: int) -> Identity | None:
    data = event.data
    if isinstance(data, LogCreated):
        if identity is not None:
            return identity
        if data.format != FORMAT or data.partitions != partitions:
            message = (
                f"the log has format {data.format} and {data.partitions} partitions; this version "
                f"reads format {FORMAT} and was given {partitions}: open it with the version that "
                "wrote it"
            )
            raise LogIncompatible(message)
        return Identity(data.site_id, data.log_id, data.site_label or "")
    if identity is None or (event.source, event.id) != (SOURCE, _next_change(identity)):
        return identity
    if isinstance(data, SettingsChanged):
        return replace(
            identity,
            allowed_servers=frozenset(data.mcp_servers),
            settings_changes=identity.settings_changes + 1,
        )
    return identity
