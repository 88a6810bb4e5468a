"""The topics of a log on Kafka: `motif topics create` and `check`."""

from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import AsJson, Kafka, Label, whole
from schemas.errors import MotifError, WrongUse

if TYPE_CHECKING:
    from connectors.logs.kafka_settings import KafkaSettings
    from motif.settings import Settings

PARTITIONS_MAX = 1024
REPLICATION_MAX = 1000

app = typer.Typer(
    help="Make the topics of a log on Kafka, or say what differs.", no_args_is_help=True
)

Partitions = Annotated[
    int | None,
    typer.Option(
        "--partitions",
        metavar="N",
        parser=whole(1, PARTITIONS_MAX),
        help="Partitions of every topic. Default: those of existing topics, else MOTIF_PARTITIONS, "
        "else 12.",
        show_default=False,
    ),
]


@app.command()
def create(
    partitions: Partitions = None,
    replication: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(1, REPLICATION_MAX),
            help="How many brokers hold each topic. Default: the cluster's own default.",
            show_default=False,
        ),
    ] = None,
    label: Label = None,
    as_json: AsJson = False,
    kafka: Kafka = None,
) -> None:
    """Make the topics that are missing, and give the log its identity.

    It may be typed again at any time: what is there stays. What is there and has other settings is
    named by 'motif topics check'.
    """
    from motif.cli.output import print_json
    from motif.display.console import stdout

    cluster, stated = _cluster(kafka)
    from connectors.logs import kafka_topics
    from motif.where import open_kafka
    from streams.identity import change_settings, found, identity_of

    made = kafka_topics.create(
        cluster, partitions=_wanted(cluster, partitions, stated), replication=replication
    )
    with open_kafka(cluster) as log:
        known = identity_of(log) is not None
        identity = found(log, label or stated.label or "")
        identity = change_settings(
            log,
            identity,
            allowed_servers=stated.mcp_servers,
            operation_rules=stated.operation_rules,
            amend_days=stated.amend_days,
        )
        number = log.partitions
    if as_json:
        print_json({"made": made, "partitions": number, "founded": not known, "identity": identity})
        return
    topics = f"Made {', '.join(made)}" if made else "All topics are there"
    stdout().print(f"{topics}; each has {number} partitions.")
    who = f"log {identity.log_id} of site {identity.site_id}"
    stdout().print(f"This is {who} already." if known else f"Founded {who}.")


@app.command()
def check(partitions: Partitions = None, as_json: AsJson = False, kafka: Kafka = None) -> None:
    """Say what about the topics is not as it should be. Exit code 1 if anything is."""
    from motif.cli.output import print_json
    from motif.display.console import stdout

    cluster, _ = _cluster(kafka)
    from connectors.logs import kafka_topics

    differences = kafka_topics.check(cluster, partitions=partitions)
    if as_json:
        print_json(differences)
    if differences:
        sentences = "; ".join(str(one) for one in differences)
        missing = any(one.found == "missing" for one in differences)
        remedy = "; 'motif topics create' makes what is missing" if missing else ""
        raise MotifError(f"the topics are not as they should be: {sentences}{remedy}")
    if not as_json:
        stdout().print("The topics are as they should be.")


def _wanted(cluster: "KafkaSettings", partitions: int | None, stated: "Settings") -> int | None:
    """How many partitions to ask for; a setting counts only where there are no topics yet."""
    if partitions is not None or stated.partitions is None:
        return partitions
    from connectors.logs import kafka_topics
    from schemas.topics import TOPICS

    return stated.partitions if len(kafka_topics.missing(cluster)) == len(TOPICS) else None


def _cluster(kafka: str | None) -> "tuple[KafkaSettings, Settings]":
    from connectors.logs.kafka_settings import check_installed
    from motif.cli.opened import settings
    from motif.where import kafka_settings

    stated = settings()
    bootstrap = kafka or stated.kafka
    if bootstrap is None:
        raise WrongUse("topics are made on a Kafka cluster; name it by --kafka or MOTIF_KAFKA")
    check_installed()
    return kafka_settings(bootstrap, stated), stated
