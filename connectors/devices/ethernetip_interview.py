"""The interview of an EtherNet/IP device: 30 requests that are always the same, and what they tell.

What it says without a session, its Identity object whole and attribute by attribute, where it is on
the network, and who sits in the slots of its chassis. A slot that answers is a probe of its own.
"""

from dataclasses import replace
from typing import Final

from connectors.devices import cip, ethernetip
from connectors.devices.cip import IDENTITY, LINK, TCP_IP
from connectors.devices.contract import (
    Asked,
    Datagram,
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
from connectors.devices.ethernetip import (
    LIST_IDENTITY,
    LIST_INTERFACES,
    LIST_SERVICES,
    REGISTER,
    SEND,
    UNREGISTER,
    Packet,
)
from connectors.devices.names import device_type_of, vendor_of
from connectors.devices.octets import Malformed, text_of

LISTS: Final = (LIST_IDENTITY, LIST_SERVICES, LIST_INTERFACES)

MESSAGES: Final = (
    cip.get_all(IDENTITY),
    *(cip.get_single(IDENTITY, attribute) for attribute in range(1, 11)),
    *(cip.get_single(IDENTITY, attribute, instance=0) for attribute in (1, 2, 3, 6)),
    cip.get_all(TCP_IP),
    cip.get_all(LINK),
)
"""What a device is asked within a session, of itself."""

SLOTS: Final = tuple(range(8))
"""The slots that are tried where none is asked for."""

SPREAD_MS: Final = 2000
"""Over so many milliseconds devices spread their answers to a broadcast: each waits at random, up
to what the first two bytes of the request's context say (Volume 2, 2-4.2)."""

REQUESTS: Final = len(LISTS) + 1 + len(MESSAGES) + len(SLOTS) + 1

_SIMULATED_SERIALS: Final = frozenset({0x006C061A})
"""Serial numbers that well-known simulators have when nobody changes them."""


async def interview(talk: Talk, asked: Asked, recall: Recall = nothing) -> list[Probe]:
    """Ask the whole list, or with slots asked for only the lists and these.

    A device that is recalled is asked for one thing that works with its sort, and no more where
    that agrees; its slots are asked as well if its sort was ever met with modules.
    """
    if not talk.exchanges or talk.exchanges[-1].outcome != "ok":  # by a datagram
        await _ask_list(talk, LIST_IDENTITY)
    profile = _recalled(talk.exchanges, recall)
    tried: list[Probe] = []
    if profile is not None and profile.applied:
        tried = await _tried(talk, asked, profile, recall)
        if tried and (tried[0].usage == "confirmed" or talk.over):
            return tried
        if tried:  # what contradicted a pattern is read anew, as if nothing had been asked
            talk.exchanges.clear()
            await _ask_list(talk, LIST_IDENTITY)
    for command in LISTS[1:]:
        await _ask_list(talk, command)
    session = await _registered(talk)
    slots: list[Probe] = []
    if session is not None:
        for message in () if asked.slots else MESSAGES:
            await _send(talk, session, message)
        found = await _ask_slots(talk, session, asked.slots or SLOTS)
        slots = [_compared(slot, recall) for slot in found]
        await talk.tell(ethernetip.packet(UNREGISTER, session, _context(talk)))
    return [*tried, _whole(talk, asked, slots, None if tried else profile), *slots]


def _whole(talk: Talk, asked: Asked, slots: list[Probe], profile: Profile | None) -> Probe:
    """The device itself, with all exchanges that are of no module."""
    exchanges = _of_no(slots, talk)
    found = decode(Probe(None, None, "answered", exchanges))
    outcome = outcome_of(exchanges, identified=found.evidence is not None)
    asked_slots = sum(sent.request[:1] == bytes((SEND,)) for sent in talk.exchanges)
    alone = not slots and not asked.slots and asked_slots == len(MESSAGES) + len(SLOTS)
    probe = Probe(None, None, outcome, exchanges, alone=alone or None)
    if profile is None:
        return probe
    usage = compared(profile, verifying(profile, MESSAGES), found)
    return replace(probe, usage=usage, pattern_id=profile.pattern_id)


def _of_no(slots: list[Probe], talk: Talk) -> tuple[Sent, ...]:
    """All exchanges that are of no module."""
    told = {id(sent) for probe in slots for sent in probe.exchanges}
    return tuple(sent for sent in talk.exchanges if id(sent) not in told)


def _recalled(exchanges: list[Sent], recall: Recall) -> Profile | None:
    """What is known of a device by the first thing that it said."""
    found = Probe(None, None, "identified", tuple(exchanges))
    return recall(found) if decode(found).evidence is not None else None


async def _tried(talk: Talk, asked: Asked, profile: Profile, recall: Recall) -> list[Probe]:
    """A device that was asked what verifies its profile, and its modules if all are recalled."""
    message = verifying(profile, MESSAGES)
    session = None if message is None else await _registered(talk)
    if message is None or session is None:
        return []
    begin = len(talk.exchanges)
    await _send(talk, session, message)
    verified = tuple(talk.exchanges)
    sent = verified[-1] if len(verified) > begin else None
    slots: list[Probe] = []
    if asked.slots or not profile.alone:
        slots = await _ask_slots(talk, session, asked.slots or SLOTS)
    await talk.tell(ethernetip.packet(UNREGISTER, session, _context(talk)))
    exchanges = _of_no(slots, talk)
    first = decode(Probe(None, None, "answered", verified[:begin]))
    second = decode(Probe(None, None, "answered", verified[-1:]))
    probe = Probe(None, None, "identified", verified)
    usage = judged_by(ethernetip.PROTOCOL, profile, sent, first, second)
    if usage == "confirmed" and not all(_is_known(slot, recall) for slot in slots):
        usage = "matched"
    modules = [replace(slot, path="fast") for slot in slots] if usage == "confirmed" else []
    alone = True if profile.alone and not slots else None
    fast = replace(probe, exchanges=exchanges, path="fast", alone=alone)
    return [replace(fast, usage=usage, pattern_id=profile.pattern_id), *modules]


def _compared(slot: Probe, recall: Recall) -> Probe:
    """A module with how far it is what is known of its sort; it is asked the same in any case."""
    profile = recall(slot)
    if profile is None:
        return slot
    usage = compared(profile, verifying(profile, MESSAGES), decode(slot))
    return replace(slot, usage=usage, pattern_id=profile.pattern_id)


def _is_known(slot: Probe, recall: Recall) -> bool:
    """Whether a module is of a sort that is trusted."""
    profile = recall(slot)
    return profile is not None and profile.applied


def decode(probe: Probe) -> Identity:
    """What the replies of a device, or of a slot, say it is."""
    known: cip.Identity | None = None
    state: int | None = None
    mac: str | None = None
    answers: dict[str, int] = {}
    for sent in probe.exchanges:
        request, reply = _both(sent)
        if request is None or reply is None or sent.outcome != "ok":
            continue
        try:
            if request.command == LIST_IDENTITY:
                known = known or ethernetip.listed_in(reply.data).identity
            elif request.command == SEND:
                message = ethernetip.message_in(request.data)
                answer = cip.answer_to(message, ethernetip.message_in(reply.data))
                answers[_carried(message).hex()] = len(answer.data)
                if _carried(message) == cip.get_all(IDENTITY):
                    known = known or cip.identity_of(answer.data)
                elif message == cip.get_single(IDENTITY, cip.STATE) and answer.data:
                    state = answer.data[0]
                elif message == cip.get_all(LINK):
                    mac = cip.mac_of(answer.data)
        except Malformed:
            continue
    if known is None:
        return Identity(mac=mac, answers=answers or None)
    return _identity(known, state, mac, answers or None)


async def _ask_list(talk: Talk, command: int) -> None:
    frame = ethernetip.packet(command, 0, _context(talk))
    await talk.ask(frame, lambda response: _read(command, response))


async def _registered(talk: Talk) -> int | None:
    """The session the device gave, None where it gave none."""
    frame = ethernetip.register(_context(talk))
    packet = await talk.ask(frame, lambda response: _read(REGISTER, response))
    return packet.session if packet is not None and not packet.status else None


async def _send(
    talk: Talk, session: int, message: bytes, *, of_module: bool = False
) -> cip.Answer | None:
    frame = ethernetip.send(session, _context(talk), message)
    return await talk.ask(
        frame, lambda response: _read_message(message, response), of_module=of_module
    )


async def _ask_slots(talk: Talk, session: int, slots: tuple[int, ...]) -> list[Probe]:
    found = []
    for slot in slots:
        message = cip.to_slot(cip.get_all(IDENTITY), slot)
        answer = await _send(talk, session, message, of_module=True)
        if answer is not None and answer.status == 0:
            exchanges = (talk.exchanges[-1],)
            identified = decode(Probe(None, slot, "answered", exchanges)).evidence is not None
            outcome = outcome_of(exchanges, identified=identified)
            found.append(Probe(None, slot, outcome, exchanges))
    return found


def _read(command: int, response: bytes) -> tuple[Packet, int | None]:
    packet = ethernetip.read_packet(response)
    if packet.command != command:
        raise Malformed(f"command {packet.command:#x} is answered; {command:#x} was asked")
    if not packet.status:
        if command == LIST_IDENTITY:
            ethernetip.listed_in(packet.data)
        elif command == LIST_SERVICES:
            ethernetip.services_in(packet.data)
    return packet, packet.status or None


def _read_message(message: bytes, response: bytes) -> tuple[cip.Answer, int | None]:
    packet, status = _read(SEND, response)
    if status is not None:
        return cip.Answer(message[0], status, b"", b""), status
    answer = cip.answer_to(message, ethernetip.message_in(packet.data))
    if answer.status == 0 and _carried(message) == cip.get_all(IDENTITY):
        cip.identity_of(answer.data)
    return answer, answer.status or None


def _carried(message: bytes) -> bytes:
    """The message itself, or the one in an envelope."""
    if message[0] != cip.UNCONNECTED_SEND:
        return message
    return message[10 : 10 + int.from_bytes(message[8:10], "little")]


def _both(sent: Sent) -> tuple[Packet | None, Packet | None]:
    try:
        # What a device says to everybody is overheard at times without who had asked.
        request = ethernetip.read_packet(sent.request or sent.response or b"")
        return request, None if sent.response is None else ethernetip.read_packet(sent.response)
    except Malformed:
        return None, None


def _context(talk: Talk) -> bytes:
    """Names a request; the first two bytes ask a device not to delay its reply."""
    return bytes(2) + (len(talk.exchanges) + 1).to_bytes(6, "little")


def _identity(
    known: cip.Identity, state: int | None, mac: str | None, answers: dict[str, int] | None
) -> Identity:
    return Identity(
        evidence="identity",
        vendor_id=known.vendor_id,
        vendor=vendor_of(known.vendor_id),
        device_type=known.device_type,
        device_type_name=device_type_of(known.device_type),
        product_code=str(known.product_code),
        product=text_of(known.name) or None,
        revision=known.revision,
        status=known.status,
        state=state if known.state is None else known.state,
        serial=f"{known.serial:08x}",
        mac=mac,
        simulator=True if known.serial in _SIMULATED_SERIALS else None,
        answers=answers,
    )


ETHERNET_IP: Final = DeviceProtocol(
    ethernetip.PROTOCOL,
    ethernetip.PORT,
    REQUESTS,
    interview,
    decode,
    Datagram(
        ethernetip.packet(LIST_IDENTITY, 0, bytes(7) + b"\1"),
        ethernetip.packet(LIST_IDENTITY, 0, SPREAD_MS.to_bytes(2, "little") + bytes(5) + b"\1"),
        SPREAD_MS / 1000,
        lambda response: _read(LIST_IDENTITY, response),
    ),
)
