"""What every test may ask for: hypothesis profiles, the real data, and an honest word on skips."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.kafka.fixtures import OWN_REMEDY, broker, kafka, kafka_prefix, make_broker
from tests.kafka.jars import java_is_here
from tests.kafka.shared import REMEDY, some_broker_is_here
from tests.places import choose

choose()

__all__ = ["broker", "kafka", "kafka_prefix", "make_broker"]

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# No deadline anywhere: a slow machine is not a broken law.
settings.register_profile(
    "ordinary",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("ordinary"), max_examples=200)
settings.register_profile("campaign", settings.get_profile("ordinary"), max_examples=5_000)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "ordinary")

# A shell that runs the tests in its background has all they start ignore interruptions.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Part:
    """Something a test needs that is not in the repository."""

    name: str
    present: Callable[[], bool]
    remedy: str
    installable: bool  # CI installs what can be installed, so there its absence is a failure

    def excuse(self, *, ci: bool) -> str | None:
        """Says why a test is skipped; None where it must run."""
        if self.present() or (ci and self.installable):
            return None
        return f"{self.name} is not here: {self.remedy}"


PARTS = {
    "needs_shared_data": Part(
        name="the folder of real data",
        present=SHARED_DATA.is_dir,
        remedy="put it beside the checkout as shared/data",
        installable=False,
    ),
    "needs_kafka": Part(
        name="a Kafka broker",
        present=some_broker_is_here,
        remedy=REMEDY,
        installable=True,
    ),
    "needs_own_kafka": Part(
        name="a Kafka broker that a test may kill",
        present=java_is_here,
        remedy=OWN_REMEDY,
        installable=True,
    ),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose marker names a part that is missing."""
    ci = os.environ.get("CI") == "true"
    for marker, part in PARTS.items():
        if item.get_closest_marker(marker) and (excuse := part.excuse(ci=ci)):
            pytest.skip(excuse)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Closes the run with one line for each missing part."""
    skipped = Counter[str]()
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            skipped[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
    for excuse, tests in sorted(skipped.items()):
        terminalreporter.write_line(f"Skipped {tests} tests, {excuse}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data with known totals; the test is skipped where it is missing."""
    excuse = PARTS["needs_shared_data"].excuse(ci=os.environ.get("CI") == "true")
    if excuse:
        pytest.skip(excuse)
    return SHARED_DATA
