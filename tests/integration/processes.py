"""The `motif` command in a process of its own, which may be killed at any moment."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MOTIF = Path(sys.executable).with_name("motif")
"""The command as it is installed beside the interpreter."""

LIMIT_S = 300.0
"""How long a command may take before a test says that it hangs."""

KILLED = -signal.SIGKILL


COPY_FAILPOINTS = {
    "copy.after_claim": (1,),
    "copy.after_contributions": (1,),
    "copy.after_letters": (1,),
    "copy.after_batch": (1, 4, 8, 10),
    "copy.before_identity": (1,),
    "copy.after_identity": (1,),
}
"""Between which two steps a copy is killed, and the how manieth time it gets there."""

KEEP_FAILPOINTS = {
    "archive.after_files": (3,),
    "archive.after_move": (1,),
    "prune.after_told": (1,),
    "prune.after_seal": (2,),
    "prune.after_delete": (1,),
    "prune.after_file": (2,),
}
"""Between which two steps archiving or pruning is killed, and the how manieth time."""

KEEP_ON_KAFKA_FAILPOINTS = (
    "kafka.archive.after_files",
    "kafka.prune.after_files",
    "kafka.prune.after_delete",
)
"""The same on Kafka."""

FORGET_FAILPOINTS = (
    "forget.before_place",
    "forget.after_place",
    "forget.before_receipt",
    "forget.after_receipt",
)
"""Between which two steps somebody who has events forgotten is interrupted."""


@dataclass(frozen=True)
class Command:
    """What is typed: the same words before and after a kill; without a folder nothing is added."""

    folder: Path | None
    words: tuple[str | Path, ...]

    def ends(self, *, failpoint: str | None = None) -> int:
        """Run it to whatever end it comes to; its exit code, negative for a signal."""
        process = self._start(failpoint)
        try:
            said = process.communicate(timeout=LIMIT_S)[1]
        finally:
            _end(process)
        assert process.returncode in {0, KILLED}, said.decode(errors="replace")
        return process.returncode

    def killed_after(self, seconds: float) -> bool:
        """Run it and kill it after a while; whether it was still running then."""
        process = self._start(None)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return True
        finally:
            _end(process)
        return False

    def _start(self, failpoint: str | None) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in os.environ if name[:6] != "MOTIF_"}
        if failpoint:
            environment["MOTIF_FAILPOINT"] = failpoint
        data = [] if self.folder is None else ["--data", str(self.folder)]
        return subprocess.Popen(
            [str(MOTIF), *map(str, self.words), *data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """See that this one process is gone, and nothing of it open."""
    process.kill()
    process.wait(timeout=LIMIT_S)
    if process.stderr:
        process.stderr.close()
