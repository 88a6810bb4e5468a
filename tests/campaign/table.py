"""The fault table: what is done, how often in all, and in groups of how many."""

from tests.campaign.brokers import broker_gone, broker_kill
from tests.campaign.changelog import DAMAGES, damaged
from tests.campaign.disks import broker_full, projection_full, store_full
from tests.campaign.groups import asleep, storm
from tests.campaign.inputs import disorder, poison
from tests.campaign.kills import sigterm, worker_failpoint, worker_kill
from tests.campaign.projecting import projector_failpoint, projector_kill
from tests.campaign.stage import Row

WORKER_STEPS = (
    "learner.after_claim",
    "learner.before_commit",
    "kafka.before_commit",
    "learner.after_commit",
    "federator.before_table",
    "federator.after_table",
    "federator.before_rows",
    "federator.after_rows",
)
PROJECTOR_STEPS = (
    *("projector.before_commit", "projector.after_commit"),
    *("records.before_commit", "records.after_commit"),
)

ROWS: tuple[Row, ...] = (
    Row("worker-kill", "kill -9 of workers", 200, 10, worker_kill),
    Row("projector-kill", "kill -9 of the projector", 50, 7, projector_kill),
    *(
        Row(f"failpoint/{name}", "dead between two steps", 50, 7, worker_failpoint)
        for name in WORKER_STEPS
    ),
    *(
        Row(f"failpoint/{name}", "dead between two steps", 50, 7, projector_failpoint)
        for name in PROJECTOR_STEPS
    ),
    Row("broker-kill", "kill -9 of the broker, and its restart", 50, 7, broker_kill),
    Row("broker-gone", "no broker for 10 minutes", 1, 1, broker_gone, timed=True),
    Row("storm", "a worker comes or goes every 5 s for 10 minutes", 1, 1, storm, timed=True),
    Row("asleep", "SIGSTOP 90 s, then every compacted topic is compacted", 4, 1, asleep),
    Row("disorder", "shuffled, a tenth of all twice", 8, 1, disorder),
    Row("poison", "one record in 1,000 cannot be read", 8, 1, poison),
    *(
        Row(f"changelog/{name}", "the federator's table is damaged", 4, 1, damaged)
        for name in DAMAGES
    ),
    Row("disk-full/broker", "no room for the broker's log", 4, 1, broker_full),
    Row("disk-full/store", "no room for a worker's table", 4, 1, store_full),
    Row("disk-full/projection", "no room for the projection", 4, 1, projection_full),
    Row("sigterm", "SIGTERM under load, gone within 5 s", 100, 5, sigterm),
)
