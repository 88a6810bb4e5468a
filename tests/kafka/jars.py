"""Apache Kafka's jars: fetched once by Maven into the user's cache, whole or not at all."""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

POM = Path(__file__).with_name("pom.xml")
# Read once: a test may set HOME to something else later on.
CACHE = platformdirs.user_cache_path("motif-tests")
FETCH = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
LIMIT_S = 600.0


class NoJarsError(Exception):
    """The jars could not be fetched; says what Maven said."""


def kafka_jars(cache: Path = CACHE) -> Path:
    """The folder of the jars, fetched when they are not there yet.

    Its name holds a digest of what was asked for, so a newer version never meets older jars.
    """
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    jars = cache / f"kafka-{wanted}"
    if not jars.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / f"{jars.name}.lock"):  # else two runs would fetch the same at once
            if not jars.is_dir():
                _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    """Fetch into a folder beside and rename it: what is killed half-way is never taken for all."""
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=jars.parent) as beside:
        lib = Path(beside) / "lib"
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(POM), FETCH]
        try:
            done = subprocess.run(
                [*command, f"-DoutputDirectory={lib}"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoJarsError(f"Maven could not fetch Kafka's jars: {error}") from error
        if done.returncode or not list(lib.glob("kafka_*.jar")):
            raise NoJarsError(f"Maven could not fetch Kafka's jars: {done.stdout}{done.stderr}")
        lib.rename(jars)


def java_is_here() -> bool:
    """Whether a broker can be run from jars on this machine."""
    return bool(shutil.which("java") and shutil.which("mvn"))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the system releases it when its holder dies."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
