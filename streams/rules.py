"""The rules under which a log is learned: what the code says, and what its settings say."""

from dataclasses import dataclass

from streams.contribution import Epoch
from streams.identity import Identity
from streams.operations import BUILT_IN, OperationRules
from streams.sessions import HORIZON_US


@dataclass(frozen=True, slots=True)
class Rules:
    """What bears on what is learned: the epoch, and the settings that it counts the changes of.

    `allowed_servers` are the MCP servers whose names may be shown, `operations` the rules by which
    operations are recognised, and `horizon_us` is how late a source may change what it said.
    """

    epoch: Epoch
    allowed_servers: frozenset[str] = frozenset()
    operations: OperationRules = BUILT_IN
    horizon_us: int | None = HORIZON_US

    @classmethod
    def of(cls, identity: Identity) -> "Rules":
        """The rules under which a log is learned, as it states them."""
        return cls(
            identity.epoch, identity.allowed_servers, identity.operations, identity.horizon_us
        )
