"""Facts about devices: what was asked of one, what came back, and what that says it is.

A probe is one interrogation of one device, of one unit behind a Modbus address or of one slot of a
chassis. Its exchanges hold the bytes as they went and came, so that a later decoder may read them
again; `decoder_version` says which one read them here.
"""

from typing import Annotated, ClassVar, Final, Literal, Required

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from schemas.fact import Count, Name, Payload
from schemas.topics import DEVICE_PROBES, PATTERN_DEFINITIONS, Topic

Protocol = Literal["modbus.tcp", "ethernet_ip", "bootp"]
"""The protocols devices are known by, under the names that patterns use."""

Port = Annotated[int, Field(ge=0, le=65_535)]

Octet = Annotated[int, Field(ge=0, le=255)]
"""A unit or a slot."""

Hex = Annotated[str, Field(pattern="^(?:[0-9a-f]{2})*$", max_length=16_384)]
"""Bytes as hexadecimal digits."""

Trust = Annotated[float, Field(ge=0, le=1)]
"""From not at all to wholly."""

ExchangeOutcome = Literal["ok", "exception", "timeout", "closed", "reset", "malformed"]
"""How a request ended: with what was asked for, with a reason why not, or without a valid reply."""

ProbeOutcome = Literal["identified", "answered", "silent", "refused", "unreachable", "malformed"]
"""How a probe ended. A device that was not identified may still have answered."""

ProbePath = Literal["slow", "fast", "passive"]
"""How a device was asked: by the whole list, as a learned pattern says, or not at all."""

Usage = Literal["matched", "agreed", "disagreed", "applied", "confirmed", "contradicted"]
"""How far a learned pattern was used.

    matched        it fitted, and was not trusted so far: the whole list was asked
    agreed         the same, and what the list found is what the pattern says
    disagreed      the same, and it is not
    applied        it was trusted, and the device did not answer the read that verifies it
    confirmed      it was trusted, and that read agreed
    contradicted   it was trusted, and that read did not
"""

Evidence = Literal["identity", "server_id", "exceptions", "request"]
"""What an identity stands on, the strongest first: a device's own identity, the free text of Modbus
function 17, only which functions it knows, or a request for an address that it sent itself."""


BUSY_CODES: Final = {"modbus.tcp": 6, "ethernet_ip": 2}
"""How a device says that it is busy: an exception code of Modbus (Application Protocol V1.1b3,
section 7), and CIP's general status "resource unavailable" (Volume 1, appendix B)."""


USUAL_UNITS: Final = (255, 0, 1)
"""The units that a Modbus device is asked under where none is asked for: the first two are the
device itself by the implementation guide, the last is where most devices are set to. Which others
answer behind a gateway is a plant's own."""


class Exchange(TypedDict, total=False):
    """A request and what came back.

    `code` is the exception or status where that was the answer, `meaning` what people call it.
    `transport` is stated where it is not that of the probe.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]

    request: Required[Hex]
    response: Hex | None
    reply_us: Count | None
    outcome: Required[ExchangeOutcome]
    code: Count | None
    meaning: Name | None
    transport: Literal["udp"] | None


class DiscoveryStarted(Payload):
    """Somebody began to probe devices: who, which targets, and within which limits.

    `who` is the name of the user on the machine; `continues` names the run that was interrupted
    and whose devices are left out. The list of networks holds for all that a run
    sends; `gap_us` passes between a device's reply and the next request to it. To places where
    nobody was met before, so many connections are opened a second as `background_per_s` says.
    """

    type: ClassVar[str] = "motif.discovery.started.v1"
    topic: ClassVar[Topic] = DEVICE_PROBES

    run_id: Name
    continues: Name | None = None
    who: Name | None = None
    targets: list[Name]
    networks: list[Name]
    exclude: list[Name] | None = None
    protocols: list[Name] | None = None
    units: list[Octet] | None = None
    slots: list[Octet] | None = None
    addresses: Count
    broadcasts: list[Name] | None = None
    gap_us: Count
    requests_per_s: Count | None = None
    connections_per_s: Count | None = None
    at_once: Count | None = None
    background_per_s: Count | None = None

    def partition_key(self) -> str:
        """The run."""
        return self.run_id


class DeviceRestricted(Payload):
    """Somebody said how devices of a network may be asked; of a network the newest counts.

    `network` is an address, or a network in CIDR notation. A device that is `fragile` is asked more
    slowly; false says that it is not, whatever was observed of it before. With `windows`, such as
    `mon-fri 22:00-05:00`, devices are asked at these times of the week only, in the time of
    `timezone`, else in UTC. Without any of them nothing more holds.
    """

    type: ClassVar[str] = "motif.device.restricted.v1"
    topic: ClassVar[Topic] = PATTERN_DEFINITIONS

    network: Name
    fragile: bool | None = None
    windows: list[Name] | None = None
    timezone: Name | None = None
    who: Name | None = None
    notes: str | None = None

    def partition_key(self) -> str:
        """The network: what is said of it stands in one order."""
        return self.network


class DeviceProbed(Payload):
    """A device was asked what it is.

    `exchanges` stand in their order. `units` are the units that gave the same answer as `unit`.
    Names are for people, numbers are what the device said; `objects` are the objects of a Modbus
    identification by their ids, as Latin-1 and with the spaces they came with. `simulator` says
    that the identity is one of a well-known simulator.

    `answers` are the requests that worked, without what is of one conversation only, with the
    lengths of their replies. `alone` says that nobody else was met at the address. `usage` and
    `pattern_id` say which learned pattern was used and how far; `learn` is false where nothing is
    to be learned from the probe.
    """

    type: ClassVar[str] = "motif.device.probed.v1"
    topic: ClassVar[Topic] = DEVICE_PROBES

    address: Name
    port: Port
    protocol: Protocol
    unit: Octet | None = None
    slot: Octet | None = None
    transport: Literal["tcp", "udp", "capture"]
    path: ProbePath
    outcome: ProbeOutcome
    exchanges: list[Exchange]
    units: list[Octet] | None = None
    evidence: Evidence | None = None
    vendor_id: Count | None = None
    vendor: Name | None = None
    device_type: Count | None = None
    device_type_name: Name | None = None
    product_code: Name | None = None
    product: Name | None = None
    revision: Name | None = None
    status: Count | None = None
    state: Count | None = None
    serial: Name | None = None
    mac: Name | None = None
    conformity: Octet | None = None
    objects: dict[str, str] | None = None
    simulator: bool | None = None
    answers: dict[str, Count] | None = None
    alone: bool | None = None
    usage: Usage | None = None
    pattern_id: Name | None = None
    learn: bool | None = None
    decoder_version: Count
    run_id: Name | None = None

    def partition_key(self) -> str:
        """Address, port, and unit or slot: all probes of a device stand in one partition."""
        part = self.unit if self.unit is not None else self.slot
        return f"{self.address}:{self.port}" + ("" if part is None else f"/{part}")


POINTS_MAX: Final = 65_536
"""Data points of a sort at most: one for every register that an address can name."""


class DataPoint(TypedDict, total=False):
    """A value that a device has, and how it is read: `scale_factor` times what stands there."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]

    tag_name: Required[Name]
    address: Required[Name]
    data_type: Required[Name]
    scale_factor: Annotated[float, Field(allow_inf_nan=False)]
    unit: Name | None
    description: Name | None


class _OfSort(Payload):
    """A statement about a sort of devices.

    The sort is named as fingerprints name it: in `vendor` the number of the vendor or its plain
    name, and for Modbus the model in `product_code`. What is not known of it is left out.
    """

    topic: ClassVar[Topic] = PATTERN_DEFINITIONS

    protocol: Protocol
    vendor: Name | None = None
    device_type: Count | None = None
    product_code: Name | None = None
    major: Count | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the sort's signature; what is not known is empty."""
        said = (self.protocol, self.vendor, self.device_type, self.product_code, self.major)
        return tuple("" if part is None else str(part) for part in said)

    def partition_key(self) -> str:
        """The sort: what is said of it stands in one order."""
        return "/".join(self.parts)


class DeviceMapped(_OfSort):
    """Somebody says which values devices of a sort have, and where; of a sort the newest counts.

    The sort is named as fingerprints name it: in `vendor` the number of the vendor or its plain
    name, and for Modbus the model in `product_code`.
    """

    type: ClassVar[str] = "motif.device.mapped.v1"

    origin: Literal["given", "import"]
    data_points: Annotated[list[DataPoint], Field(max_length=POINTS_MAX)]


class DeviceDefined(_OfSort):
    """Somebody says how devices of a sort are asked, though none of them was met here.

    The sort is named as fingerprints name it: in `vendor` the number of the vendor or its plain
    name, and for Modbus the model in `product_code`. Its revisions lie from `least_revision` to
    `greatest_revision`, both of this major one; without one of them there is no end on that side.
    What was said is trusted by `confidence` times `reputation` until devices verify or contradict
    it. Of a sort the newest definition counts.
    """

    type: ClassVar[str] = "motif.device.defined.v1"

    least_revision: Name | None = None
    greatest_revision: Name | None = None
    family: Name | None = None
    origin: Literal["given", "sample", "import"]
    confidence: Trust
    reputation: Trust
    answers: dict[str, Count] | None = None
    alone: bool | None = None
