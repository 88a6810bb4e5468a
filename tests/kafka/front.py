"""The front door of an installation on Kafka: its commands, each in a process of its own."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from projections.remote import NobodyAnswers, RemoteStore
from tests.integration.processes import MOTIF
from tests.kafka.workers import Installation

LIMIT_S = 120.0
"""How long a command may take before a test says that it hangs."""


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one error on stderr, which begins with the program's name."""
        lines = [line for line in self.err.splitlines() if line.startswith("motif: ")]
        assert len(lines) == 1, f"one sentence and no more: {self.err!r}"
        return lines[0].removeprefix("motif: ")

    @property
    def json(self) -> Any:
        """What it printed for programs, having done what was asked."""
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class Front:
    """The commands of an installation, whose tables are in `folder`."""

    made: Installation
    folder: Path

    def run(self, *words: object, kafka: str | None = None, failpoint: str | None = None) -> Ran:
        """Run a command to its end, or until it is killed between two steps."""
        mine = {name: os.environ[name] for name in os.environ if name[:6] != "MOTIF_"}
        prefix = {"MOTIF_KAFKA_PREFIX": self.made.settings.prefix}
        prefix |= {"MOTIF_FAILPOINT": failpoint} if failpoint else {}
        ran = subprocess.run(
            [str(MOTIF), *map(str, words), *self._place(kafka)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=mine | prefix,
            timeout=LIMIT_S,
            check=False,
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def rows(self, query: str) -> Sequence[dict[str, Any]]:
        """The rows that `motif sql` gives."""
        found: list[dict[str, Any]] = self.run("sql", query, "--json").json
        return found

    def start_projector(self) -> "subprocess.Popen[bytes]":
        """Start a projector; it runs when this returns, and answers a moment later."""
        return self.made.start("projector", [str(MOTIF), "projector", *self._place(None)])

    def is_answered_by(self, process: "subprocess.Popen[bytes]") -> bool:
        """Whether that process answers about the folder; it may be on its way to it."""
        assert process.poll() is None, self.made.said()
        try:
            return RemoteStore(self.folder).about().pid == process.pid
        except NobodyAnswers:
            return False

    def _place(self, kafka: str | None) -> list[str]:
        bootstrap = kafka or self.made.settings.bootstrap
        return ["--kafka", bootstrap, "--data", str(self.folder)]
