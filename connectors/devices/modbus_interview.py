"""The interview of a Modbus device: 21 requests that are always the same, and what they tell.

Three units are tried, the device itself under its two usual numbers and the first behind a gateway.
Units that give the same answer are one device; of each device the rest of the list is asked. A
stream of objects that goes on asks for more than the list, as often as `modbus.Stream` allows.
"""

import re
from collections.abc import Sequence
from typing import Final

from connectors.devices import modbus
from connectors.devices.contract import (
    Asked,
    DeviceProtocol,
    Identity,
    Probe,
    Sent,
    Talk,
    outcome_of,
)
from connectors.devices.modbus import BASIC, EXTENDED, INDIVIDUAL, REGULAR, Failure, Identification
from connectors.devices.octets import Malformed, text_of
from schemas.vendors import vendor_name

UNITS: Final = (255, 0, 1)
"""The units that are tried where none is asked for."""

_READS: Final = (1, 2, 3, 4)
_BLOCK: Final = 125
_BLOCKS: Final = 5

REST: Final = (
    modbus.read_identification(REGULAR),
    modbus.read_identification(EXTENDED),
    modbus.read_identification(INDIVIDUAL, modbus.PRODUCT_NAME),
    modbus.report_server_id(),
    *(modbus.read(function, 0, 1) for function in _READS),
    *(
        modbus.read(function, block * _BLOCK, _BLOCK)
        for function in modbus.REGISTERS
        for block in range(_BLOCKS)
    ),
)
"""What a unit is asked after its basic identification."""

REQUESTS: Final = len(UNITS) + len(REST)

BUSY: Final = 6
_GATEWAY: Final = frozenset({10, 11})
"""Exceptions of a gateway behind which nobody answers."""

MISSES_MAX: Final = 8
"""Units in a row behind which a gateway found nobody, when many are asked for."""

_SIMULATORS: Final = frozenset(
    {
        (b"Siemens", b"SIMATIC", b"S7-200"),
        (b"Zeek Modbus Test", b"Protocol Parsing is fun!", b"1.2.3.6"),
    }
)
"""Identities that well-known simulators have when nobody changes them."""

_ATTACHED: Final = 0x80
"""Objects from here on are a vendor's own."""

_pairs: Final = re.compile(r"(\d+)=([^;]*)").findall


async def interview(talk: Talk, asked: Asked) -> list[Probe]:
    """Search for units, and ask each device among them the whole list."""
    searched: list[tuple[int, list[Sent], modbus.Reply | None]] = []
    misses = 0
    for unit in asked.units or UNITS:
        begin = len(talk.exchanges)
        reply = await _ask(talk, unit, modbus.read_identification(BASIC))
        searched.append((unit, talk.exchanges[begin:], reply))
        # A device that ignores units it does not know is not silent to the next.
        talk.over = talk.over and talk.exchanges[-1].outcome != "timeout"
        misses = misses + 1 if _is_missing(reply) else 0
        if talk.over or misses >= MISSES_MAX or _is_busy(reply):
            break
    talk.silences = 0
    devices = _devices(searched)
    if not devices:
        exchanges = tuple(sent for _, sents, _ in searched for sent in sents)
        return [Probe(None, None, outcome_of(exchanges, identified=False), exchanges)]
    absent = [sent for _, sents, reply in searched if _is_missing(reply) for sent in sents]
    probes = []
    for units, sents, reply in devices:
        begin = len(talk.exchanges)
        await _ask_rest(talk, units[0], reply)
        exchanges = (*sents, *absent, *talk.exchanges[begin:])
        absent = []  # what nobody answered is told once
        found = decode(Probe(units[0], None, "answered", exchanges))
        outcome = outcome_of(exchanges, identified=found.evidence in {"identity", "server_id"})
        probes.append(Probe(units[0], None, outcome, exchanges, units[1:]))
    return probes


def decode(probe: Probe) -> Identity:
    """What the replies of a unit say it is."""
    stream: dict[int, bytes] = {}
    server: str | None = None
    conformity: int | None = None
    answered = False
    for sent in probe.exchanges:
        reply = _read_again(sent, probe.unit)
        answered = answered or reply is not None
        if isinstance(reply, Identification):
            conformity = reply.conformity if conformity is None else conformity
            for object_id, value in reply.objects.items():
                stream.setdefault(object_id, value)
        elif isinstance(reply, modbus.ServerId):
            server = server or reply.text
    if not stream and server is None:
        return Identity(evidence="exceptions" if answered else None)
    if not stream:
        return Identity(evidence="server_id", product=server)
    return _identity(stream, conformity, server)


async def _ask(talk: Talk, unit: int, pdu: bytes) -> modbus.Reply | None:
    transaction = len(talk.exchanges) % 0xFFFF + 1
    frame = modbus.frame(transaction, unit, pdu)
    return await talk.ask(frame, lambda response: _read(frame, response))


def _read(request: bytes, response: bytes) -> tuple[modbus.Reply, int | None]:
    asked, came = modbus.read_frame(request), modbus.read_frame(response)
    if came.unit != asked.unit:
        raise Malformed(f"unit {came.unit} answered; {asked.unit} was asked")
    reply = modbus.decode(asked.pdu, came.pdu)
    return reply, reply.code if isinstance(reply, Failure) else None


async def _ask_rest(talk: Talk, unit: int, reply: modbus.Reply | None) -> None:
    """Ask the list to its end, unless the device is busy or wants no more."""
    await _follow(talk, unit, BASIC, reply)
    for pdu in REST:
        reply = await _ask(talk, unit, pdu)
        if talk.over or _is_busy(reply):
            return
        if pdu[0] == modbus.READ_IDENTIFICATION and pdu[2] != INDIVIDUAL:
            await _follow(talk, unit, pdu[2], reply)


async def _follow(talk: Talk, unit: int, code: int, reply: modbus.Reply | None) -> None:
    """Go on with a stream as long as it leads on."""
    stream = modbus.Stream()
    while isinstance(reply, Identification) and not talk.over:
        try:
            following = stream.add(reply)
        except Malformed:
            # The last exchange is what ended the stream; its bytes are kept for whoever asks why.
            talk.exchanges[-1] = talk.exchanges[-1]._replace(outcome="malformed")
            return
        if following is None:
            return
        reply = await _ask(talk, unit, modbus.read_identification(code, following))


def _is_missing(reply: modbus.Reply | None) -> bool:
    """Whether there is nobody under this unit."""
    return reply is None or (isinstance(reply, Failure) and reply.code in _GATEWAY)


def _is_busy(reply: modbus.Reply | None) -> bool:
    return isinstance(reply, Failure) and reply.code == BUSY


def _devices(
    searched: Sequence[tuple[int, list[Sent], modbus.Reply | None]],
) -> list[tuple[tuple[int, ...], list[Sent], modbus.Reply | None]]:
    """Units that gave the same answer, together, each with all exchanges that found it."""
    found: list[tuple[tuple[int, ...], list[Sent], modbus.Reply | None]] = []
    for unit, sents, reply in searched:
        if _is_missing(reply):
            continue
        for number, (units, earlier, same) in enumerate(found):
            if same == reply:
                found[number] = ((*units, unit), [*earlier, *sents], same)
                break
        else:
            found.append(((unit,), list(sents), reply))
    return found


def _read_again(sent: Sent, unit: int | None) -> modbus.Reply | None:
    """What the reply to this unit says; None for other units and what is no reply."""
    if sent.response is None:
        return None
    try:
        frame = modbus.read_frame(sent.request)
        return None if frame.unit != unit else _read(sent.request, sent.response)[0]
    except Malformed:
        return None


def _identity(stream: dict[int, bytes], conformity: int | None, server: str | None) -> Identity:
    texts = {number: text_of(value) or None for number, value in stream.items()}
    attached = _attached(texts)
    vendor = texts.get(modbus.VENDOR)
    basic = (
        stream.get(modbus.VENDOR),
        stream.get(modbus.PRODUCT_CODE),
        stream.get(modbus.REVISION),
    )
    return Identity(
        evidence="identity",
        vendor=None if vendor is None else vendor_name(vendor),
        product_code=texts.get(modbus.PRODUCT_CODE) or attached.get("1"),
        product=texts.get(modbus.PRODUCT_NAME) or texts.get(modbus.MODEL) or server,
        revision=texts.get(modbus.REVISION) or attached.get("2"),
        conformity=conformity,
        objects={str(number): value.decode("latin-1") for number, value in sorted(stream.items())},
        simulator=True if basic in _SIMULATORS else None,
    )


def _attached(texts: dict[int, str | None]) -> dict[str, str]:
    """What a gateway says of the device behind it, as Huawei's do: `1=MODEL;2=VERSION;...`."""
    for number, text in sorted(texts.items()):
        found: list[tuple[str, str]] = _pairs(text or "") if number >= _ATTACHED else []
        if {"1", "2"} <= dict(found).keys():
            return {key: value.strip() for key, value in found if value.strip()}
    return {}


MODBUS: Final = DeviceProtocol(modbus.PROTOCOL, modbus.PORT, REQUESTS, interview, decode)
