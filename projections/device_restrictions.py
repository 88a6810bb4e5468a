"""How devices may be asked, by what was said and by what was observed of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from projections.asking import ask
from projections.remote import Readable


@dataclass(frozen=True, slots=True)
class Restricted:
    """A row of view `device_restrictions`.

    What is `stated` is of a network and holds for every port. What was `observed` is of a device
    that said it was busy, or cut the connection.
    """

    origin: Literal["stated", "observed"]
    network: str
    port: int | None
    fragile: bool
    windows: list[str] | None
    timezone: str | None
    since: datetime | None
    who: str | None
    notes: str | None


_RESTRICTED: Final = "FROM device_restrictions ORDER BY origin DESC, network, port"


def restricted(store: Readable) -> list[Restricted]:
    """All that restricts how devices may be asked."""
    return [Restricted(**row) for row in ask(store, _RESTRICTED)]
