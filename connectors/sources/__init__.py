"""The formats Motif can import, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from connectors.contract import Report, Source, Unreadable
from connectors.sources.aider import Aider
from connectors.sources.claude_code import ClaudeCode
from connectors.sources.gha import GitHubActions
from connectors.sources.jsonl import JsonLines
from connectors.sources.moai import Moai
from connectors.sources.reflexion import Reflexion
from connectors.sources.terminal_bench import TerminalBench
from connectors.sources.wfformat import WfFormat
from connectors.sources.workflow_db import WorkflowDatabase
from schemas.errors import WrongUse

__all__ = ["SOURCES", "Report", "Source", "Unreadable", "by_name"]

_ALL: tuple[Source, ...] = (
    ClaudeCode(),
    Aider(),
    TerminalBench(),
    WorkflowDatabase(),
    Moai(),
    GitHubActions(),
    WfFormat(),
    Reflexion(),
    JsonLines(),
)

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in _ALL})
"""Every format, in the order they are shown."""


def by_name(name: str) -> Source:
    """The format of this name.

    >>> by_name("aider").name
    'aider'

    Raises:
        WrongUse: there is none.
    """
    if name not in SOURCES:
        known = ", ".join(SOURCES)
        raise WrongUse(f"there is no format {name!r} to import; it must be one of {known}")
    return SOURCES[name]
