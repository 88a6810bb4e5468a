"""What all facts share: the types their fields have, and the class of payloads.

The facts themselves stand in `schemas.events`.
"""

from abc import abstractmethod
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from schemas.times import FIRST_US, LAST_US
from schemas.topics import AGENT_EVENTS, Topic

Name = Annotated[str, Field(min_length=1, max_length=1024)]
"""A required, non-empty name."""

Text = Annotated[str, Field(min_length=1)]
"""Words of a person or a program, of any length that an event may have; not empty."""

Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A number of things; never negative."""

Moment = Annotated[int, Field(ge=FIRST_US, le=LAST_US)]
"""Microseconds since the Unix epoch (UTC), in the years 1 to 9999."""

DIGITS_MAX = 400
"""Digits of an amount of money, before and behind the point."""


def plain(amount: Decimal) -> Decimal:
    """Give equal amounts the same digits, so that 0.10 and 0.1 are one content."""
    text = str(amount)
    # Here, as pydantic's own `max_digits` doubles the time it takes to read an amount.
    if len(text) > DIGITS_MAX or not -DIGITS_MAX < amount.adjusted() < DIGITS_MAX:
        raise ValueError(f"an amount has at most {DIGITS_MAX} digits")
    if text[-1] != "0" and "E" not in text:
        return amount
    text = f"{amount.copy_abs():f}"  # unlike normalize() and abs(), neither of these rounds
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


Usd = Annotated[
    Decimal,
    Field(ge=0, lt=10**9, allow_inf_nan=False),
    AfterValidator(plain),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?([Ee][+-]?[0-9]+)?$"},
                {"type": "number", "minimum": 0, "exclusiveMaximum": 10**9},
            ]
        }
    ),
]
"""US dollars as decimal text; folded as whole nano-dollars."""


class Payload(BaseModel):
    """What all facts share: strict types, frozen, unknown fields kept."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="allow", allow_inf_nan=False, protected_namespaces=()
    )

    type: ClassVar[str]
    topic: ClassVar[Topic] = AGENT_EVENTS
    amendable: ClassVar[bool] = False
    reserved: ClassVar[bool] = False

    @abstractmethod
    def partition_key(self) -> str:
        """The text whose hash names the partition; a function of the payload alone."""


class OfAnyone(Payload):
    """A fact that may name a session, a user, or neither."""

    session_id: Name | None = None
    user_id: Name | None = None
