"""Which names may leave the input topics: an allow-list of shapes, all else masked.

Patterns, contributions and pattern rows hold names of tools, agents, models and task types. A name
that looks like a path, an address, a key or prose is replaced by `masked`, and so is the server in
the name of an MCP tool unless its server is allowed by the settings. Where a harmless name and a
private one look alike, it is masked.
"""

import re
from functools import lru_cache

MASKED = "masked"

_SHAPE = re.compile(r"[A-Za-z0-9<][A-Za-z0-9_.:/@+<>*-]*( [A-Za-z0-9_.:/@+<>*-]+){0,5}")
_LENGTH_MAX = 120
_WORDS_MAX = 3
"""Words of a name; more only where one has a digit, as in "Gemini 2.5 Pro Preview"."""

_ADDRESSES = r"""
      \w@(?!\d|latest\b|default\b)\w                      # an e-mail address, a user at a host
    | (?:^|[^0-9])(?:\d{1,3}\.){3}\d{1,3}(?:$|[^0-9])     # an IPv4 address
    | (?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}             # a MAC address
    | (?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}               # the same, as switches write it
    | (?:[0-9A-Fa-f]{1,4}:){3,}                           # an IPv6 address
    | (?<![A-Za-z0-9_])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*::
    | (?:^|[ /])::
    | (?i:mcp__)                                          # a server; a tool's name is cut before
    | ://                                                 # an address of a server
    | (?<![\w-])localhost(?![\w-])
    | \w\.(?:com|net|org|edu|gov|mil|local|localdomain|internal|intranet|lan|corp|home|arpa|onion)
      (?![\w-])                                           # a name of a host
    | :\d{4,5}(?![\w.-]) | \.[A-Za-z]{2,}:\d{2,5}(?![\w.-])    # a port
"""

_PATHS = r"""
      (?:^|[ :])(?:~|/|[A-Za-z]:/) | (?:^|[ :/])\.\.?/
    | (?:^|[ :/])(?:home|Users|users|root|tmp|var|etc|usr|opt|mnt|srv|Documents|Desktop|Downloads)/
    | /[^/ ]*\.[A-Za-z]{1,4}(?![\w.-])                     # a file somewhere
    | \.(?:txt|md|py|ts|json|ya?ml|toml|env|pem|key|crt|csv|log|sql|db|sh|docx?|xlsx?|pdf|zip)
      (?![\w.-])
"""

_KEYS = r"""
      (?<![A-Za-z0-9])(?:
        (?:sk|pk|rk|xox[a-z]|xapp)[-_][\w-]{10,}
      | (?:gh[pousr]|hf|npm|gsk|r8|shp\w{2}|lin_api|figd|whsec)_[A-Za-z0-9]{10,}
      | (?:github_pat|dckr_pat|dop_v1|sq0\w{3}|gl(?:pat|dt|rt|ptt|cbt))[-_][\w-]{10,}
      | (?:nvapi|tvly|pplx|pypi)-[\w-]{20,}
      | (?:AKIA|ASIA|AIza|eyJ|ATATT|GOCSPX)[\w-]{12,}
      | (?:SG|ya29|hv[sb])\.[\w-]{12,}
      )
    | (?=[A-Za-z0-9+=]*\d)(?=[A-Za-z0-9+=]*[A-Za-z])[A-Za-z0-9+=]{32,}     # a long key or hash
    | (?=(?:[A-Za-z]*\d){3})(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])[A-Za-z0-9]{20,}
    | (?=[A-Za-z+/]*\d)(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])[A-Za-z0-9+/]{36,}
    | (?<![A-Za-z0-9])(?=[A-Fa-f]*\d)(?=\d*[A-Fa-f])[0-9A-Fa-f]{12,}(?![A-Za-z0-9])
    | [0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-       # a UUID
    | \d{12,}                                             # a serial, telephone or account number
"""

_PRIVATE = re.compile(f"{_ADDRESSES}|{_PATHS}|{_KEYS}", re.VERBOSE)
_MCP = "mcp__"


@lru_cache(maxsize=1 << 14)
def public_name(name: str) -> str:
    """The name itself where its shape is harmless, else `masked`.

    >>> public_name("claude-opus-4-6"), public_name("/home/ann/notes.txt")
    ('claude-opus-4-6', 'masked')
    """
    if len(name) > _LENGTH_MAX or not _SHAPE.fullmatch(name):
        return MASKED
    return MASKED if _PRIVATE.search(name) or _is_prose(name) else name


@lru_cache(maxsize=1 << 14)
def public_tool(name: str, allowed_servers: frozenset[str]) -> str:
    """A tool's name with the server of an MCP tool masked unless it is allowed.

    A server's name may hold `__` itself, so that only what follows the last is sure to be the tool.

    >>> public_tool("mcp__linear__create_issue", frozenset())
    'mcp__*__create_issue'
    >>> public_tool("mcp__linear__create_issue", frozenset({"linear"}))
    'mcp__linear__create_issue'
    """
    if name[: len(_MCP)].lower() != _MCP:
        return public_name(name)
    for server in sorted(allowed_servers, key=len, reverse=True):
        prefix = f"{_MCP}{server}__"
        if name.startswith(prefix) and len(name) > len(prefix):
            return prefix + public_name(name[len(prefix) :])
    server, _, tool = name[len(_MCP) :].rpartition("__")
    return f"{_MCP}*__{public_name(tool)}" if server and tool else MASKED


def _is_prose(name: str) -> bool:
    """Whether it reads like a sentence: many words, and not the numbers of a product's name."""
    words = name.split(" ")
    if len(words) <= _WORDS_MAX:
        return False
    plain = sum(word.isalpha() and word.islower() for word in words)
    return plain >= _WORDS_MAX or not any(character.isdigit() for character in name)
