"""Who a log is, and under which rules it is learned: facts that stand in the log itself.

They are events on `pattern.definitions`, all under one key and therefore in one order. Of two
processes that both found a log at once the first event wins, for both.
"""

from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import replace as replace_fields

from schemas.clock import DAY_US, new_id, now_us
from schemas.envelope import Event, decode, outgoing
from schemas.errors import LogIncompatible, LogUnavailable, Refused, WrongUse
from schemas.events import LogCreated, SettingsChanged
from schemas.ids import partition_of
from schemas.log import Log, Outgoing
from schemas.times import LAST_US
from schemas.topics import LEARNED_TOPICS, PATTERN_DEFINITIONS, TOPICS, places
from streams.operations import OperationRules, rules_of
from streams.recognise import RULES_VERSION

SOURCE = "motif"
KEY = b"identity"
"""Of the records by which a log speaks of itself."""

AMEND_DAYS = 35
"""How late a source may change what it said, where nothing else is set."""

FORMAT = 1
"""Of the derived topics; another one is refused."""


_NAMELESS = (
    "the log holds records but does not say who it is, as a copy that is not whole: "
    "run the same 'motif copy' again to its end, or name another place"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Site, log and their settings, as the log states them.

    `operation_rules` are the site's own rules as TOML, and `amend_days` is how many days after
    something happened its source may change what it says of it, 0 for as long as it likes.
    `forgets` says that somebody was forgotten: what is published is compared with that.
    """

    site_id: str
    log_id: str
    label: str
    allowed_servers: frozenset[str] = frozenset()
    settings_changes: int = 0
    operation_rules: str = ""
    amend_days: int = AMEND_DAYS
    forgets: bool = False

    @property
    def epoch(self) -> tuple[int, int]:
        """The epoch of this code under these settings."""
        return (RULES_VERSION, self.settings_changes)

    @property
    def operations(self) -> OperationRules:
        """The rules by which operations are recognised.

        Raises:
            LogIncompatible: another version recorded rules that this one does not read.
        """
        try:
            return rules_of(self.operation_rules or None)
        except WrongUse as error:
            message = f"the log's own rules for operations are not read by this version: {error}"
            raise LogIncompatible(message) from error

    @property
    def horizon_us(self) -> int | None:
        """How long after something happened its source may change it; None for ever."""
        return self.amend_days * DAY_US or None


def identity_of(log: Log) -> Identity | None:
    """Who the log says it is; None where nobody founded it yet.

    Raises:
        LogIncompatible: its derived topics have another format, or its partitions another number.
    """
    return _history_of(log)[0]


def successor(
    log: Log, partitions: int, *, forgets: bool = False
) -> tuple[Identity, list[Outgoing]]:
    """Who a copy of the log is that has so many partitions, and the records that say so.

    The same site, as a new log; its settings were changed as often and to the same. What the log
    forgets the copy forgets too, and it `forgets` somebody more where that is why it is made.

    Raises:
        LogIncompatible: the log has no identity itself.
    """
    identity, changes = _history_of(log)
    if identity is None:
        raise LogIncompatible(_NAMELESS)
    new = Identity(identity.site_id, new_id(), identity.label, forgets=forgets or identity.forgets)
    events = [_created(new, partitions)]
    for change in changes:
        again = Event(SOURCE, _next_change(new), change.data, change.time_us)
        events.append(replace_fields(again, recorded_us=change.recorded_us))
        new = _after(new, again, partitions) or new
    return new, [outgoing(event, partitions) for event in events]


def is_empty(log: Log) -> bool:
    """Whether nothing stands in the log."""
    return not any(
        log.read(topic.name, partition, log.start(topic.name, partition), 1)
        for topic in TOPICS
        for partition in range(log.partitions)
    )


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
    """Who the log is; it gets an identity now if it has none.

    Raises:
        LogIncompatible: records stand in it, but no identity, as in a copy that is not whole.
    """
    identity = identity_of(log)
    if identity is None and not is_empty(log):
        identity = identity_of(log)  # somebody may have founded it just now
        if identity is None:
            raise LogIncompatible(_NAMELESS)
    if identity is None:
        event = _created(Identity(site_id or new_id(), new_id(), label), log.partitions)
        log.append([outgoing(event, log.partitions)])
        identity = identity_of(log)
        assert identity is not None, "what was just appended must be read back"
    return identity


def allow_servers(log: Log, identity: Identity, servers: frozenset[str]) -> Identity:
    """Record the MCP servers whose names may be shown; a change starts a new epoch."""
    return change_settings(log, identity, allowed_servers=servers)


def change_settings(log: Log, identity: Identity, **settings: Any) -> Identity:
    """Record settings by their names in `Identity`; a change starts a new epoch.

    A setting that is None stays what it is.

    Raises:
        WrongUse: the rules for operations are none, or call themselves what others of the log are
            called, or something of the log was pruned.
    """
    rules_of(settings.get("operation_rules") or None)
    stated = {name: value for name, value in settings.items() if value is not None}
    while (wanted := replace(identity, **stated)) != identity:
        check_whole(log, "its settings cannot change any more")
        if wanted.operation_rules != identity.operation_rules:
            _check_version(log, wanted.operations)
        event = Event(SOURCE, _next_change(identity), _settings(wanted), now_us())
        log.append([outgoing(event, log.partitions)])
        identity = identity_of(log) or identity  # somebody else's change may have come before
    return identity


def check_whole(log: Log, therefore: str) -> None:
    """Refuse what needs all that was ever learned from.

    Raises:
        WrongUse: some of it was pruned.
    """
    pruned = sum(log.pruned(*place).records for place in places(LEARNED_TOPICS, log.partitions))
    if pruned:
        message = (
            f"{pruned:,} records of the log were pruned, and {therefore}: what they taught is kept "
            "as it was learned, under the settings and by the rules of then"
        )
        raise WrongUse(message)


def _check_version(log: Log, rules: OperationRules) -> None:
    """Refuse rules by whose version others are known: what they find could not be told apart."""
    for change in _history_of(log)[1]:
        assert isinstance(change.data, SettingsChanged), "nothing else changes an identity"
        try:
            known = rules_of(change.data.operation_rules)
        except WrongUse:  # rules of another version of this program
            continue
        if known.version == rules.version and known != rules:
            own = rules.version.partition("+")[2]
            message = (
                f"the log has recorded other rules for operations with version {own!r} already; "
                "give these a version of their own, as it stands beside all that they find"
            )
            raise WrongUse(message)


def _settings(identity: Identity) -> SettingsChanged:
    return SettingsChanged(
        mcp_servers=sorted(identity.allowed_servers),
        operation_rules=identity.operation_rules or None,
        amend_days=None if identity.amend_days == AMEND_DAYS else identity.amend_days,
    )


def _history_of(log: Log) -> tuple[Identity | None, list[Event]]:
    """Who the log is, and the changes of its settings that count, dated as they were recorded."""
    identity: Identity | None = None
    changes: list[Event] = []
    partition = partition_of(KEY, log.partitions)
    offset = 0
    while records := log.read(PATTERN_DEFINITIONS.name, partition, offset, 1_024):
        offset = records[-1].offset + 1
        for record in records:
            if record.key != KEY:
                continue
            try:
                event = decode(record)
            except Refused:
                continue
            before, identity = identity, _after(identity, event, log.partitions)
            if before is not None and identity is not before:
                recorded_us = min(record.appended_at_us, event.recorded_us or LAST_US)
                changes.append(replace_fields(event, recorded_us=recorded_us))
    return identity, changes


def _created(identity: Identity, partitions: int) -> Event:
    created = LogCreated(
        site_id=identity.site_id,
        log_id=identity.log_id,
        site_label=identity.label or None,
        partitions=partitions,
        format=FORMAT,
        forgets=identity.forgets or None,
    )
    return Event(SOURCE, f"log/{identity.log_id}", created, now_us())


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
        label, forgets = data.site_label or "", data.forgets or False
        return Identity(data.site_id, data.log_id, label, forgets=forgets)
    if identity is None or (event.source, event.id) != (SOURCE, _next_change(identity)):
        return identity
    if isinstance(data, SettingsChanged):
        return replace(
            identity,
            allowed_servers=frozenset(data.mcp_servers),
            settings_changes=identity.settings_changes + 1,
            operation_rules=data.operation_rules or "",
            amend_days=AMEND_DAYS if data.amend_days is None else data.amend_days,
        )
    return identity
