"""Which names may leave the input topics: an allow-list of shapes, all else masked.

Patterns, contributions and pattern rows hold names of tools, agents, models and task types. A name
that looks like a path, an address, a key or prose is replaced by `masked`, and so is the server in
the name of an MCP tool unless its server is allowed by the settings.
"""

import re
from functools import lru_cache

MASKED = "masked"

_SHAPE = re.compile(r"[A-Za-z0-9<][A-Za-z0-9_.:/@+<>*-]*( [A-Za-z0-9_.:/@+<>*-]+){0,5}")
_LENGTH_MAX = 120
_PRIVATE = re.compile(
    r"""
      \w@\w[\w-]*\.\w                                     # an e-mail address
    | (?:^|[^0-9])(?:\d{1,3}\.){3}\d{1,3}(?:$|[^0-9])     # an IPv4 address
    | (?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}             # a MAC address
    | (?:[0-9A-Fa-f]{1,4}:){3,}                           # an IPv6 address
    | (?<![A-Za-z0-9])(?:sk|pk|rk|ghp|gho|ghs|github_pat|xox[abprs]|glpat|hf)[-_][\w-]{10,}
    | (?<![A-Za-z0-9])(?:AKIA|ASIA|AIza|eyJ)[\w-]{12,}
    | [A-Za-z]:[\\/] | ^~ | ^/ | (?:^|/)(?:home|Users|root|tmp|var|etc)/   # a path
    | ://                                                 # an address of a server
    | (?=[A-Za-z0-9+=]*\d)(?=[A-Za-z0-9+=]*[A-Za-z])[A-Za-z0-9+=]{32,}     # a long key or hash
    """,
    re.VERBOSE,
)
_MCP = re.compile(r"mcp__(.+?)__(.+)", re.DOTALL)


@lru_cache(maxsize=1 << 14)
def public_name(name: str) -> str:
    """The name itself where its shape is harmless, else `masked`.

    >>> public_name("claude-opus-4-6"), public_name("/home/ann/notes.txt")
    ('claude-opus-4-6', 'masked')
    """
    harmless = len(name) <= _LENGTH_MAX and _SHAPE.fullmatch(name) and not _PRIVATE.search(name)
    return name if harmless else MASKED


@lru_cache(maxsize=1 << 14)
def public_tool(name: str, allowed_servers: frozenset[str]) -> str:
    """A tool's name with the server of an MCP tool masked unless it is allowed.

    >>> public_tool("mcp__linear__create_issue", frozenset())
    'mcp__*__create_issue'
    >>> public_tool("mcp__linear__create_issue", frozenset({"linear"}))
    'mcp__linear__create_issue'
    """
    match = _MCP.fullmatch(name)
    if match is None:
        return public_name(name)
    server, tool = match.groups()
    shown = server if server in allowed_servers else "*"
    return f"mcp__{shown}__{public_name(tool)}"
