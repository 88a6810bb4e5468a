"""The settings: environment variables, one table of them, each checked before anything is opened.

A variable that is set and empty counts as not set, but for `MOTIF_MCP_SERVERS`, where nothing is a
list of nobody. A variable with our prefix that means nothing is warned about, never obeyed.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

from motif.values import (
    AGE,
    AMEND_DAYS_MAX,
    BOOTSTRAP,
    LABEL_MAX,
    NAME_PREFIX,
    PARTITIONS_MAX,
    PORT_MAX,
    bootstrap_of,
    days_of,
    file_of,
    folder_of,
    keeping_of,
    label_of,
    networks_of,
    one_of,
    partitions_of,
    prefix_of,
    rules_in,
    servers_of,
    switch_of,
    whole_of,
)
from schemas.errors import WrongUse

PREFIX: Final = "MOTIF_"
LEARNERS_MAX: Final = 64
PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

FOR_TESTS: Final = frozenset(
    {
        "MOTIF_BENCH_EVENTS",
        "MOTIF_BENCH_PATTERNS",
        "MOTIF_CAMPAIGN",
        "MOTIF_FAILPOINT",
        "MOTIF_TEST_KAFKA",
        "MOTIF_TEST_KAFKA_IMAGE",
        "MOTIF_WRITE_GOLDEN",
    }
)
"""Variables that only tests set; known, and not in the table."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; None where it says nothing."""

    data: Path | None = None
    label: str | None = None
    mcp_servers: frozenset[str] | None = None
    operation_rules: str | None = None
    amend_days: int | None = None
    networks: tuple[str, ...] | None = None
    archive_after: float | None = None
    prune_after: float | None = None
    partitions: int | None = None
    kafka: str | None = None
    kafka_prefix: str | None = None
    kafka_security_protocol: str | None = None
    kafka_sasl_mechanism: str | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = field(default=None, repr=False)
    kafka_ca: Path | None = None
    kafka_certificate: Path | None = None
    kafka_key: Path | None = None
    kafka_key_password: str | None = field(default=None, repr=False)
    worker_folder: Path | None = None
    worker_port: int | None = None
    learners: int | None = None
    debug: bool = False
    warnings: tuple[str, ...] = ()


class Setting(NamedTuple):
    """One variable: what it is for, what it may be, and what holds without it.

    `read` gives the value of a text, or raises `ValueError` for one that is not allowed.
    """

    variable: str
    field: str
    means: str
    allowed: str
    default: str
    read: Callable[[str], Any]


SETTINGS: Final = (
    Setting(
        "MOTIF_DATA",
        "data",
        "The folder of the log and the projection; `--data` goes before it.",
        "a folder, or a path where one can be made",
        "the platform's folder for a user's data",
        folder_of,
    ),
    Setting(
        "MOTIF_LABEL",
        "label",
        "The site's name for people, recorded when a folder is first used; never a host name.",
        f"1 to {LABEL_MAX} printable characters",
        "no label",
        label_of,
    ),
    Setting(
        "MOTIF_MCP_SERVERS",
        "mcp_servers",
        "MCP servers whose names may be shown in patterns; the names of all others are masked. "
        "A change is recorded in the log, and everything is learned again under it; of a log on "
        "Kafka only by `motif topics create`.",
        "names separated by commas, of letters, digits, '_', '-' and '.'; empty for none",
        "what the log has recorded, at first none",
        servers_of,
    ),
    Setting(
        "MOTIF_OPERATION_RULES",
        "operation_rules",
        "Rules of your own by which operations are recognised in requests. They are recorded in "
        "the log when they change, and everything is learned again by them; of a log on Kafka only "
        "by `motif topics create`.",
        "a TOML file of rules, or none for no rules of your own",
        "what the log has recorded, at first none",
        rules_in,
    ),
    Setting(
        "MOTIF_AMEND_DAYS",
        "amend_days",
        "How many days after a run finished its source may still change what it says of it. "
        "Recorded as the rules are.",
        f"a whole number from 1 to {AMEND_DAYS_MAX}, or none for as long as it likes",
        "what the log has recorded, at first 35",
        days_of,
    ),
    Setting(
        "MOTIF_NETWORKS",
        "networks",
        "The networks whose devices `motif discover` may probe; `--networks` goes before it.",
        "networks separated by commas, such as 192.168.1.0/24",
        "nothing may be probed",
        networks_of,
    ),
    Setting(
        "MOTIF_ARCHIVE_AFTER",
        "archive_after",
        "How old events must be for a node that records others to archive them, once a day.",
        f"{AGE}, at least a day; or none",
        "none: nothing is archived by itself",
        keeping_of,
    ),
    Setting(
        "MOTIF_PRUNE_AFTER",
        "prune_after",
        "How old events must be for a node that records others to delete them for good, once a "
        "day, as `motif prune` does.",
        f"{AGE}, at least a day; or none",
        "none: nothing is deleted by itself",
        keeping_of,
    ),
    Setting(
        "MOTIF_PARTITIONS",
        "partitions",
        "Partitions of every topic of a new folder, or of new topics on Kafka; existing ones keep "
        "what they have.",
        f"a whole number from 1 to {PARTITIONS_MAX}",
        "4, on Kafka 12",
        partitions_of,
    ),
    Setting(
        "MOTIF_KAFKA",
        "kafka",
        "The Kafka cluster that holds the log; `--kafka` goes before it. `--data` then names the "
        "folder of the tables, by default `kafka` within `MOTIF_DATA`; but a folder typed behind "
        "`--data` that holds a log of its own is meant itself, whatever is set here.",
        BOOTSTRAP,
        "no Kafka: the log is in the folder",
        bootstrap_of,
    ),
    Setting(
        "MOTIF_KAFKA_PREFIX",
        "kafka_prefix",
        "Stands before the names of all topics, transactional ids and groups on Kafka.",
        NAME_PREFIX,
        "no prefix",
        prefix_of,
    ),
    Setting(
        "MOTIF_KAFKA_SECURITY_PROTOCOL",
        "kafka_security_protocol",
        "How clients talk to the brokers.",
        ", ".join(PROTOCOLS),
        "PLAINTEXT",
        one_of(*PROTOCOLS),
    ),
    Setting(
        "MOTIF_KAFKA_SASL_MECHANISM",
        "kafka_sasl_mechanism",
        "How clients show who they are, with a protocol that begins with SASL.",
        ", ".join(MECHANISMS),
        "SCRAM-SHA-512",
        one_of(*MECHANISMS),
    ),
    Setting(
        "MOTIF_KAFKA_SASL_USERNAME",
        "kafka_sasl_username",
        "The user of the clients.",
        "any text",
        "none",
        str,
    ),
    Setting(
        "MOTIF_KAFKA_SASL_PASSWORD",
        "kafka_sasl_password",
        "The user's password; it is never shown.",
        "any text",
        "none",
        str,
    ),
    Setting(
        "MOTIF_KAFKA_CA",
        "kafka_ca",
        "The certificates of the authorities that the brokers' certificates are checked against.",
        "a PEM file that can be read",
        "those of the system",
        file_of,
    ),
    Setting(
        "MOTIF_KAFKA_CERTIFICATE",
        "kafka_certificate",
        "The certificate of the clients, where brokers ask for one.",
        "a PEM file that can be read",
        "none",
        file_of,
    ),
    Setting(
        "MOTIF_KAFKA_KEY",
        "kafka_key",
        "The key of that certificate.",
        "a PEM file that can be read",
        "the certificate's file",
        file_of,
    ),
    Setting(
        "MOTIF_KAFKA_KEY_PASSWORD",
        "kafka_key_password",
        "The password of that key; it is never shown.",
        "any text",
        "none",
        str,
    ),
    Setting(
        "MOTIF_WORKER_FOLDER",
        "worker_folder",
        "The folder in which workers of this machine keep their stores, each in its own place.",
        "a folder, or a path where one can be made",
        "the folder of the tables",
        folder_of,
    ),
    Setting(
        "MOTIF_WORKER_PORT",
        "worker_port",
        "The port of a worker's web endpoint, which listens on loopback only.",
        f"a whole number from 1 to {PORT_MAX}",
        "any free one, which the worker says when it starts",
        whole_of(PORT_MAX),
    ),
    Setting(
        "MOTIF_LEARNERS",
        "learners",
        "Learner processes of a worker; each keeps a processor busy while there is much to learn.",
        f"a whole number from 1 to {LEARNERS_MAX}",
        "1",
        whole_of(LEARNERS_MAX),
    ),
    Setting(
        "MOTIF_DEBUG",
        "debug",
        "Whether an unexpected error shows its traceback.",
        "1, true, yes, on, 0, false, no or off",
        "0",
        switch_of,
    ),
)
"""Every setting, in the order they are documented."""

_EMPTY_IS_A_VALUE: Final = frozenset({"MOTIF_MCP_SERVERS"})


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """What the environment says, all of it checked.

    Raises:
        WrongUse: a variable holds what it may not; the sentence names it, its value and what it
            may hold.
    """
    stated = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = stated.get(setting.variable)
        if text is None or (not text.strip() and setting.variable not in _EMPTY_IS_A_VALUE):
            continue
        try:
            values[setting.field] = setting.read(text)
        except ValueError as error:
            message = f"{setting.variable} is {text!r}; it must be {setting.allowed}"
            raise WrongUse(message) from error
    return Settings(**values, warnings=tuple(_unknown(stated)))


def _unknown(stated: Mapping[str, str]) -> list[str]:
    """A sentence for every variable of ours that means nothing."""
    known = {setting.variable for setting in SETTINGS}
    sentences = []
    for name in sorted(stated):
        if name.startswith(PREFIX) and name not in known | FOR_TESTS:
            near = get_close_matches(name, known, n=1)
            hint = (
                f"did you mean {near[0]}?"
                if near
                else f"the settings are {', '.join(sorted(known))}."
            )
            sentences.append(f"{name} is set but is no setting of this version; {hint}")
    return sentences
