"""What a mirror may say is gone: nothing, as long as a part of its source was not read.

A row that is missing was deleted; a file that is missing was perhaps moved away for a moment. So
the files that were read under a label are remembered in the node's folder, beside its log. Where a
folder is read again without one of them, or with one that cannot be read, or where a row was
refused, nothing counts as deleted. Who names the files that are left has said that it is so.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from connectors.contract import Options, Report
from connectors.logs import durable
from motif.stating import Statements
from schemas.envelope import Event
from schemas.errors import LogUnavailable
from schemas.topics import WORKFLOW_RUNS
from schemas.workflows import WorkflowRunDeleted

FILE_NAME: Final = "mirrored.json"
"""Where a node remembers the files that it mirrors, by label."""


class Mirror:
    """The end of an import under a label: what was imported before and is gone."""

    def __init__(
        self, options: Options, places: Sequence[Path], files: Sequence[Path], beside: Path | None
    ) -> None:
        """Bind to what is read, and to the folder of the node, if there is one."""
        self._options = options
        # By the names they have, as a link tells nothing when what it names is away.
        self._folders = [_named(place) for place in places if place.is_dir()]
        self._files = set(map(_named, files))
        self._beside = None if beside is None else beside / FILE_NAME

    def gone(
        self, statements: Statements, report: Report, *, dry_run: bool = False
    ) -> Iterator[Event]:
        """What to say of what is gone, counted; or in the report why nothing is said.

        Raises:
            LogUnavailable: which files were read cannot be remembered: a full disk, missing rights.
        """
        label = self._options.label
        if not self._options.mirror or not label:
            return
        kept = self._kept()
        if kept is None:
            report.unmirrored = (
                f"{self._beside} cannot be read, which says what was read before "
                "(remove it, and import everything that is mirrored)"
            )
            return
        before = {Path(path) for path in kept.get(label, [])}
        report.unmirrored = self._why_not(report, before - self._files)
        if report.unmirrored is None:
            for event in statements.gone(WORKFLOW_RUNS.name, label, report.present):
                report.gone += event.type == WorkflowRunDeleted.type
                yield report.counted(event)
            report.overlooks = statements.is_pruned(WORKFLOW_RUNS.name)
        if not dry_run:
            self._keep(kept, label, self._files | (before if report.unmirrored else set()))

    def _why_not(self, report: Report, missing: Iterable[Path]) -> str | None:
        away = [path for path in missing if any(map(path.is_relative_to, self._folders))]
        if away:
            shown = str(min(away)).encode("utf-8", "backslashreplace").decode()
            return (
                f"{shown} was read before and is not there "
                "(if it is gone for good, name the files that are left)"
            )
        if report.unreadable_files:
            return "not every file could be read"
        return "not every row could be read" if report.unreadable else None

    def _kept(self) -> dict[str, Any] | None:
        """The files by label; None where that cannot be read."""
        if self._beside is None:
            return {}
        try:
            found = json.loads(self._beside.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _keep(self, kept: dict[str, Any], label: str, files: Iterable[Path]) -> None:
        paths = sorted(map(str, files))
        if self._beside is None or kept.get(label) == paths:
            return
        try:
            durable.write(self._beside, json.dumps(kept | {label: paths}, indent=1).encode())
        except OSError as error:
            message = (
                f"{self._beside} cannot be written: {error.strerror}; import again when it can"
            )
            raise LogUnavailable(message) from error


def _named(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  # which follows no links
