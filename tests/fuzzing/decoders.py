"""The decoders as functions of any bytes, for a fuzzer: what must hold whatever they are given.

A decoder reads them or says `Malformed`; nothing else may be raised. What comes out can be written
as a record and read again, says the same when it is decoded again, and is not much longer than
what went in.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from tempfile import NamedTemporaryFile
from typing import Final

from connectors.devices import bootp, cip, ethernetip, modbus
from connectors.devices.captures import Packet, Place, packets_in
from connectors.devices.contract import DeviceProtocol, Probe, Sent
from connectors.devices.ethernetip_interview import ETHERNET_IP
from connectors.devices.ethernetip_interview import MESSAGES as CIP_MESSAGES
from connectors.devices.modbus_interview import MODBUS, REST
from connectors.devices.octets import Malformed
from connectors.devices.passive import Overhearing
from connectors.devices.recording import decoded_again, stated
from connectors.devices.sender import KEPT_MAX
from schemas.devices import DeviceProbed
from schemas.envelope import Event, decode, outgoing
from schemas.errors import WrongUse
from schemas.log import Record
from tests.connectors.devices.recorded import conversation, pcap, pcapng, udp
from tests.connectors.devices.test_bootp import request
from tests.fuzzing.frames import KINDS, case

AT_US: Final = 1_700_000_000_000_000
SESSION: Final = 7
SHARE_MAX: Final = 40
"""Bytes of a record for one byte that was decoded, at most; an exchange is written as text."""
BASE_MAX: Final = 20_000
"""Bytes of records that need no input."""

PDUS: Final = (modbus.read_identification(modbus.BASIC), *REST)
MESSAGES: Final = (*CIP_MESSAGES, cip.to_slot(cip.get_all(cip.IDENTITY), 3))
LISTS: Final = (ethernetip.LIST_IDENTITY, ethernetip.LIST_SERVICES, ethernetip.LIST_INTERFACES)
ASKED: Final = len(LISTS) + len(MESSAGES)


def modbus_pdus(data: bytes) -> None:
    """A frame, and a PDU in reply to a request of ours or of anybody, by themselves."""
    for read in (
        lambda: modbus.read_frame(data),
        lambda: modbus.decode(PDUS[data[0] % len(PDUS)], data[1:]) if data else None,
        lambda: modbus.decode(data[1:5], data[5:]),
    ):
        with suppress(Malformed):
            read()


def modbus_replies(data: bytes) -> None:
    """Replies of a unit as the sender keeps them, whole frames and others, and their probe."""
    sents = []
    stream = modbus.Stream()
    for number, (choice, payload) in enumerate(_pieces(data), 1):
        pdu = PDUS[choice % len(PDUS)]
        request = modbus.frame(number, 1, pdu)
        whole = modbus.frame(number, 1, payload[: modbus.PDU_MAX])
        response = payload[:KEPT_MAX] if choice & 0x80 else whole
        if choice & 0x40:  # somebody else asked
            pdu = payload[:3]
            request = modbus.frame(number, 1, pdu)
        sents.append(Sent(request, response, number, "ok"))
        with suppress(Malformed):
            frame = modbus.read_frame(response)
            assert modbus.frame(frame.transaction, frame.unit, frame.pdu) == response
            reply = modbus.decode(pdu, frame.pdu)
            if isinstance(reply, modbus.Identification):
                stream.add(reply)
            assert stream.rounds <= len(sents)
    _stated(MODBUS, sents, unit=1)


def ethernetip_replies(data: bytes) -> None:
    """Replies of a device as the sender keeps them, whole packets and others, and their probe."""
    sents = []
    for number, (choice, payload) in enumerate(_pieces(data), 1):
        context = number.to_bytes(8)
        asked = choice % ASKED
        if asked < len(LISTS):
            request = ethernetip.packet(LISTS[asked], 0, context)
            around = payload
        else:
            request = ethernetip.send(SESSION, context, MESSAGES[asked - len(LISTS)])
            around = ethernetip.send(SESSION, context, payload)[ethernetip.HEADER_BYTES :]
        command = int.from_bytes(request[:2], "little")
        whole = ethernetip.packet(command, SESSION, context, around[: ethernetip.DATA_MAX])
        response = payload[:KEPT_MAX] if choice & 0x80 else whole
        if choice & 0x40:  # somebody else asked
            request = ethernetip.send(SESSION, context, payload[:12])
        sents.append(Sent(request, response, number, "ok"))
    _stated(ETHERNET_IP, sents, unit=None)


def ethernetip_messages(data: bytes) -> None:
    """Messages and items by themselves."""
    readers: tuple[Callable[[bytes], object], ...] = (
        ethernetip.items_of,
        ethernetip.listed_in,
        ethernetip.services_in,
        ethernetip.message_in,
        ethernetip.read_packet,
        cip.identity_of,
        cip.mac_of,
        *(lambda reply, asked=message: cip.answer_to(asked, reply) for message in MESSAGES),
        lambda message: cip.slot_asked(message, MESSAGES[0]),
        lambda both: cip.answer_to(both[1 : 1 + both[0]], both[1 + both[0] :]) if both else None,
    )
    if data:
        with suppress(Malformed):
            readers[data[0] % len(readers)](data[1:])


def address_requests(data: bytes) -> None:
    """A request for an address, and the event that it makes."""
    with suppress(Malformed):
        sighting = bootp.decode(data)
        assert len(sighting.options) == len(set(sighting.options)) <= len(data)
    packet = Packet(AT_US, "udp", Place("0.0.0.0", 68), Place("255.255.255.255", 67), data)  # noqa: S104
    _written(Overhearing().events([packet]), data)


def captures(data: bytes) -> None:
    """A capture file, and the events of whoever was overheard in it."""
    with _file_of(data) as path, suppress(WrongUse):
        packets = list(packets_in(path))
        assert len(packets) <= len(data) // 16
        assert sum(len(packet.payload) for packet in packets) <= len(data)
        _written(Overhearing().events(packets), data)


DECODERS: Final[dict[str, Callable[[bytes], None]]] = {
    "modbus": modbus_pdus,
    "modbus-probe": modbus_replies,
    "ethernetip": ethernetip_messages,
    "ethernetip-probe": ethernetip_replies,
    "bootp": address_requests,
    "captures": captures,
}
"""What is fuzzed, by its name."""


def seeds(name: str) -> Iterator[bytes]:
    """Inputs that a fuzzer begins with: what devices say, and little of it damaged."""
    for seed in range(40):
        random = Random(seed)
        if name == "modbus":
            yield from (
                bytes((PDUS.index(one.request),)) + one.frame
                for one in (case(kind, seed) for kind in tuple(KINDS)[:4])
                if one.request in PDUS
            )
        elif name == "modbus-probe":
            made = [case(kind, seed) for kind in tuple(KINDS)[:4]]
            yield b"".join(
                _piece(PDUS.index(one.request), one.frame) for one in made if one.request in PDUS
            )
        elif name == "ethernetip-probe":
            listed = KINDS["ListIdentity"](random).frame[ethernetip.HEADER_BYTES :]
            answer = b"\x81\0\0\0" + KINDS["Identity object"](random).frame
            yield _piece(0, listed) + _piece(len(LISTS), answer) + _piece(ASKED - 1, answer)
        elif name == "ethernetip":
            yield bytes((random.randrange(6),)) + KINDS["ListIdentity"](random).frame[24:]
            yield b"\5" + KINDS["Identity object"](random).frame
        elif name == "bootp":
            yield case("BOOTP and DHCP", seed).frame
    yield from _longest(name)
    if name == "captures":
        yield from _captured()


def _longest(name: str) -> Iterator[bytes]:
    """Inputs in which everything is as long, or as often there, as it may be."""
    if name == "modbus-probe":
        whole = bytes((PDUS[0][0], 14, 1, 0x83, 255, 1, 1, 0, 245)) + b"V" * 245
        ids = tuple(PDUS.index(pdu) for pdu in (PDUS[0], modbus.report_server_id()))
        yield _piece(ids[0], whole) + _piece(ids[1], bytes((17, 251)) + b"S" * 251)
        yield b"".join(
            _piece(1, bytes((43, 14, 2, 0x83, 255, 0, 122)) + bytes((i, 0)) * 122) for i in range(8)
        )
    elif name == "ethernetip-probe":
        named = bytes(14) + b"\xff" + b"N" * 255
        one = b"\x0c\0" + (19 + len(named)).to_bytes(2, "little") + bytes(18) + named + b"\3"
        yield _piece(0, b"\1\0" + one) + _piece(len(LISTS), b"\x81\0\0\0" + named)
        yield _piece(1, b"\x40\0" + (b"\0\1\x14\0" + b"S" * 20) * 64)
        yield _piece(3, b"\x81\0\0\0" + bytes(3_900))
    elif name in {"bootp", "captures"}:
        options = b"".join(bytes((code, 1, 7)) for code in range(1, 255) if code != bootp.OVERLOAD)
        parts = (bytes((bootp.VENDOR_CLASS, 255)) + b"C" * 255) * 6
        for one in (options, parts, bytes((bootp.PARAMETERS, 255)) + bytes(range(255)), b""):
            for length in (300, bootp.LENGTH_MAX, 16_000):
                payload = request(options=one + b"\xff", length=length)
                heard = udp(1, ("10.0.0.7", 68), ("10.0.0.1", bootp.PORT), payload)
                yield payload if name == "bootp" else pcap([heard])


def _captured() -> Iterator[bytes]:
    """Conversations as sniffers write them."""
    for seed in range(6):
        random = Random(seed)
        asked = modbus.read_identification(modbus.BASIC)
        reply = KINDS["Modbus 43/14"](random).frame
        listed = KINDS["ListIdentity"](random).frame
        asking = KINDS["BOOTP and DHCP"](random).frame
        question = ethernetip.packet(ethernetip.LIST_IDENTITY, 0, listed[12:20])
        told = [
            *conversation([(1, modbus.frame(1, 1, asked), modbus.frame(1, 1, reply))], 502),
            *conversation([(5, question, listed)], ethernetip.PORT),
            udp(9, ("10.0.0.7", 68), ("10.0.0.1", 67), asking),
            udp(10, ("10.0.0.8", ethernetip.PORT), ("10.0.0.1", 40_000), listed),
        ]
        yield pcap(told, link=(1, 101, 0, 113, 276, 1)[seed])
        yield pcapng(told, order="<>"[seed % 2])


def _pieces(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Pairs of a choice and bytes, as `_piece` writes them."""
    while len(data) > 2:
        size = int.from_bytes(data[1:3])
        yield data[0], data[3 : 3 + size]
        data = data[3 + size :]


def _piece(choice: int, payload: bytes) -> bytes:
    return bytes((choice,)) + len(payload).to_bytes(2) + payload


def _stated(protocol: DeviceProtocol, sents: Sequence[Sent], unit: int | None) -> None:
    """What a probe of these exchanges states can be written, and decoded again it is the same."""
    probe = Probe(unit, None, "identified", tuple(sents))
    data = stated(probe, protocol, "10.0.0.7", protocol.port)
    assert decoded_again(data) == data
    came = b"".join(sent.response or b"" for sent in sents)
    _written([Event("motif", "fuzzed", data, AT_US)], came + bytes(len(sents) * 64))


def _written(events: Iterable[Event], data: bytes) -> None:
    """Every event can be written as a record and read again, and all are in proportion."""
    size = 0
    for event in events:
        assert isinstance(event.data, DeviceProbed)
        made = outgoing(event, 4)
        record = Record(made.topic, made.partition, 0, made.key, made.value, made.headers, 0)
        assert decode(record).data == event.data
        size += len(made.value or b"")
    assert size <= BASE_MAX + SHARE_MAX * len(data)


@contextmanager
def _file_of(data: bytes) -> Iterator[Path]:
    """A file of these bytes."""
    with NamedTemporaryFile(prefix="capture-") as file:
        file.write(data)
        file.flush()
        yield Path(file.name)
