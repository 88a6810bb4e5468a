"""Apache Kafka's jars, fetched once through Maven into the user's cache."""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

HERE = Path(__file__).parent
CACHE = Path(platformdirs.user_cache_dir("motif-tests"))
VERSION = "4.1.1"


def can_be_had() -> bool:
    """Whether a broker can be run from jars here."""
    return bool(shutil.which("java") and shutil.which("mvn"))


def jars() -> Path:
    """The folder of the jars, filled by whoever comes first."""
    folder = CACHE / f"kafka-{VERSION}"
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / "kafka.lock"):
        if not folder.is_dir():
            made = folder.with_name(f"{folder.name}.part")
            shutil.rmtree(made, ignore_errors=True)
            fetched = subprocess.run(
                [
                    *("mvn", "--batch-mode", "--quiet", "--file", str(HERE / "pom.xml")),
                    *("dependency:copy-dependencies", f"-DoutputDirectory={made}"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if fetched.returncode:
                raise RuntimeError(f"Maven did not bring Kafka: {fetched.stdout[-2_000:]}")
            made.rename(folder)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
