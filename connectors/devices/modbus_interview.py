"""The interview of a Modbus device: 21 requests that are always the same, and what they tell.

Three units are tried, the device itself under its two usual numbers and the first behind a gateway.
Units that give the same answer are one device; of each device the rest of the list is asked. A
stream of objects that goes on asks for more than the list, as often as `modbus.Stream` allows.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from connectors.devices import modbus
from connectors.devices.contract import (
    Asked,
    DeviceProtocol,
    Identity,
    Probe,
    Profile,
    Recall,
    Sent,
    Talk,
    compared,
    judged_by,
    nothing,
    outcome_of,
    verifying,
)
from connectors.devices.modbus import BASIC, EXTENDED, INDIVIDUAL, REGULAR, Failure, Identification
from connectors.devices.octets import Malformed, text_of
from schemas.devices import USUAL_UNITS
from schemas.vendors import vendor_name

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

REQUESTS: Final = len(USUAL_UNITS) + len(REST)

VERIFYING: Final = (
    *(modbus.read(function, 0, 1) for function in (*modbus.REGISTERS, *modbus.BITS)),
    modbus.report_server_id(),
    modbus.read_identification(REGULAR),
)
"""Reads of which the first that works with a sort of devices verifies that one is of that sort."""

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

Searched = tuple[int, list[Sent], modbus.Reply | None]
"""A unit, what was exchanged with it, and its reply."""

Met = tuple[tuple[int, ...], list[Sent], modbus.Reply | None]
"""The units of a device, all exchanges that found it, and its reply."""

_pairs: Final = re.compile(r"(\d+)=([^;]*)").findall


async def interview(talk: Talk, asked: Asked, recall: Recall = nothing) -> list[Probe]:
    """Search for units, and ask each device among them the whole list.

    A device that is recalled is asked one read that verifies what is recalled, and no more where
    that agrees; one that is known never to share its address ends the search.
    """
    searched: list[Searched] = []
    tried: list[Probe] = []
    misses = 0
    for unit in asked.units or _usual(asked):
        reply = await _search(talk, unit, searched)
        misses = misses + 1 if _is_missing(reply) else 0
        if talk.over or misses >= MISSES_MAX:
            break
        if not asked.units and not tried and misses == 0:
            tried = await _tried(talk, searched, recall)
            if tried and (tried[0].usage == "confirmed" or talk.over):
                return tried
            if tried:  # what contradicted a pattern is read anew, as if nothing had been asked
                searched = []
                await _search(talk, unit, searched)
    talk.silences = 0
    devices = _devices(searched)
    if not devices:
        exchanges = tuple(sent for _, sents, _ in searched for sent in sents)
        silent = Probe(None, None, outcome_of(exchanges, identified=False), exchanges)
        return [*tried, silent]
    absent = [sent for _, sents, reply in searched if _is_missing(reply) for sent in sents]
    alone = len(devices) == 1 and not asked.units
    probes: list[Probe] = []
    for units, sents, reply in devices:
        device = (units, [*sents, *absent], reply)
        probes += await _asked(talk, device, nothing if tried else recall, alone=alone)
        absent = []  # what nobody answered is told once
    return [*tried, *probes]


def _usual(asked: Asked) -> list[int]:
    """The usual units, first the one under which the device was met before."""
    return sorted(USUAL_UNITS, key=lambda unit: unit != asked.first)


async def _search(talk: Talk, unit: int, searched: list[Searched]) -> modbus.Reply | None:
    """Ask a unit for its basic identification, and keep what came."""
    begin = len(talk.exchanges)
    reply = await _ask(talk, unit, modbus.read_identification(BASIC))
    searched.append((unit, talk.exchanges[begin:], reply))
    # A device that ignores units it does not know is not silent to the next.
    talk.over = talk.over and talk.exchanges[-1].outcome != "timeout"
    return reply


async def _tried(talk: Talk, searched: Sequence[Searched], recall: Recall) -> list[Probe]:
    """The first unit that answered, if it is recalled as one that never shares its address."""
    unit, _, reply = searched[-1]
    exchanges = tuple(sent for _, sents, _ in searched for sent in sents)
    found = Probe(unit, None, "identified", exchanges)
    profile = _recalled(found, reply, recall)
    if profile is None or not profile.applied or not profile.alone:
        return []
    return await _verified(talk, replace(found, alone=True), profile)


async def _asked(talk: Talk, device: Met, recall: Recall, *, alone: bool) -> list[Probe]:
    """What a device is: as it is recalled if that holds, else by the rest of the list."""
    units, sents, reply = device
    found = Probe(units[0], None, "identified", tuple(sents), units[1:])
    profile = _recalled(found, reply, recall)
    tried: list[Probe] = []
    if profile is not None and profile.applied:
        tried = await _verified(talk, found, profile)
        if tried and (tried[0].usage == "confirmed" or talk.over):
            return tried
        if tried:
            again: list[Searched] = []
            reply = await _search(talk, units[0], again)
            sents = again[0][1]
    begin = len(talk.exchanges)
    await _ask_rest(talk, units[0], reply)
    probe = replace(found, exchanges=(*sents, *talk.exchanges[begin:]), alone=alone or None)
    said = decode(probe)
    if profile is not None and not tried:
        usage = compared(profile, verifying(profile, VERIFYING), said)
        probe = replace(probe, usage=usage, pattern_id=profile.pattern_id)
    identified = said.evidence in {"identity", "server_id"}
    return [*tried, replace(probe, outcome=outcome_of(probe.exchanges, identified=identified))]


def _recalled(found: Probe, reply: modbus.Reply | None, recall: Recall) -> Profile | None:
    """What is known of a device by its basic identification, if that is all it says."""
    is_whole = isinstance(reply, Identification) and not reply.more
    return recall(found) if is_whole else None


async def _verified(talk: Talk, found: Probe, profile: Profile) -> list[Probe]:
    """A device that was asked one thing that works with devices of its sort, if there is one."""
    pdu = verifying(profile, VERIFYING)
    if pdu is None or found.unit is None:
        return []
    begin = len(talk.exchanges)
    await _ask(talk, found.unit, pdu)
    sents = talk.exchanges[begin:]
    probe = replace(found, exchanges=(*found.exchanges, *sents), path="fast")
    second = decode(replace(found, exchanges=tuple(sents)))
    sent = sents[-1] if sents else None
    usage = judged_by(modbus.PROTOCOL, profile, sent, decode(found), second)
    return [replace(probe, usage=usage, pattern_id=profile.pattern_id)]


def decode(probe: Probe) -> Identity:
    """What the replies of a unit say it is."""
    stream: dict[int, bytes] = {}
    server: str | None = None
    conformity: int | None = None
    answered = False
    answers: dict[str, int] = {}
    for sent in probe.exchanges:
        reply = _read_again(sent, probe.unit)
        answered = answered or reply is not None
        if reply is not None and not isinstance(reply, Failure):
            answers[_pdu(sent.request).hex()] = len(_pdu(sent.response or b""))
        if isinstance(reply, Identification):
            conformity = reply.conformity if conformity is None else conformity
            for object_id, value in reply.objects.items():
                stream.setdefault(object_id, value)
        elif isinstance(reply, modbus.ServerId):
            server = server or reply.text
    if not stream and server is None:
        return Identity(evidence="exceptions" if answered else None, answers=answers or None)
    if not stream:
        return Identity(evidence="server_id", product=server, answers=answers)
    return _identity(stream, conformity, server, answers)


def _pdu(frame: bytes) -> bytes:
    return frame[modbus.HEADER_BYTES :]


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
        if talk.over:
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


def _devices(searched: Sequence[Searched]) -> list[Met]:
    """Units that gave the same answer, together, each with all exchanges that found it."""
    found: list[Met] = []
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


def _identity(
    stream: dict[int, bytes], conformity: int | None, server: str | None, answers: dict[str, int]
) -> Identity:
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
        answers=answers,
    )


def _attached(texts: dict[int, str | None]) -> dict[str, str]:
    """What a gateway says of the device behind it, as Huawei's do: `1=MODEL;2=VERSION;...`."""
    for number, text in sorted(texts.items()):
        found: list[tuple[str, str]] = _pairs(text or "") if number >= _ATTACHED else []
        if {"1", "2"} <= dict(found).keys():
            return {key: value.strip() for key, value in found if value.strip()}
    return {}


MODBUS: Final = DeviceProtocol(modbus.PROTOCOL, modbus.PORT, REQUESTS, interview, decode)
