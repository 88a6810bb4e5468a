"""What every test may ask for: hypothesis profiles, the real data, and an honest word on skips."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

from tests.kafka import containers, jars, shared

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
        present=lambda: bool(
            os.environ.get("MOTIF_TEST_KAFKA") or containers.can_be_had() or jars.can_be_had()
        ),
        remedy="name one in MOTIF_TEST_KAFKA, start a Docker engine with its image, or install "
        "Java and Maven (Debian: apt-get install default-jre-headless maven)",
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


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a real broker: one for the whole run, whatever it comes from."""
    stated = os.environ.get("MOTIF_TEST_KAFKA")
    if stated:
        yield stated
        return
    base = tmp_path_factory.getbasetemp()
    run = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    bootstrap, users = shared.use(run / "kafka")
    with users:
        yield bootstrap


@pytest.fixture
def kafka_prefix(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What stands before the names of this test's topics: no other test has the same."""
    return f"t{crc32(f'{tmp_path}{request.node.nodeid}'.encode()):08x}."
