"""From a probe to the event that states it, and back: what its bytes say today."""

from dataclasses import fields
from typing import Any, Final

from connectors.devices import ethernetip, names
from connectors.devices.contract import DeviceProtocol, Identity, Probe, Sent
from connectors.devices.ethernetip_interview import ETHERNET_IP
from connectors.devices.modbus_interview import MODBUS
from schemas.devices import DeviceProbed, Exchange

PROTOCOLS: Final = {one.name: one for one in (MODBUS, ETHERNET_IP)}
"""The protocols that devices can be asked in, by their names."""

DECODER_VERSION: Final = 1
"""Rises whenever a decoder makes something else of the same bytes."""

_FIELDS: Final = tuple(one.name for one in fields(Identity))


def stated(
    probe: Probe,
    protocol: DeviceProtocol,
    address: str,
    port: int,
    *,
    run_id: str | None = None,
    learn: bool = True,
) -> DeviceProbed:
    """What is stated about a device that was probed."""
    return DeviceProbed.model_validate(
        {
            "address": address,
            "port": port,
            "protocol": protocol.name,
            "unit": probe.unit,
            "slot": probe.slot,
            "transport": probe.transport,
            "path": probe.path,
            "outcome": probe.outcome,
            "exchanges": [_exchange(sent, protocol) for sent in probe.exchanges],
            "units": list(probe.units) or None,
            **_said(protocol.decode(probe)),
            "alone": probe.alone,
            "usage": probe.usage,
            "pattern_id": probe.pattern_id,
            "learn": None if learn else False,
            "decoder_version": DECODER_VERSION,
            "run_id": run_id,
        }
    )


def decoded_again(data: DeviceProbed) -> DeviceProbed:
    """The same probe as the decoders of this version understand it, from its bytes alone."""
    protocol = PROTOCOLS.get(data.protocol)
    if protocol is None:
        return data
    exchanges = tuple(_sent(exchange) for exchange in data.exchanges)
    probe = Probe(data.unit, data.slot, data.outcome, exchanges)
    found = {**_said(protocol.decode(probe)), "decoder_version": DECODER_VERSION}
    return data.model_copy(update=found)


def _said(identity: Identity) -> dict[str, Any]:
    """The fields by their names; `asdict` copies each value, which takes as long as decoding."""
    return {name: getattr(identity, name) for name in _FIELDS}


def _exchange(sent: Sent, protocol: DeviceProtocol) -> dict[str, Any]:
    said: dict[str, Any] = {"request": sent.request.hex(), "outcome": sent.outcome}
    if sent.response is not None:
        said["response"] = sent.response.hex()
    if sent.reply_us is not None:
        said["reply_us"] = sent.reply_us
    if sent.code is not None:
        said["code"] = sent.code
        if meaning := _meaning(sent, protocol):
            said["meaning"] = meaning
    if sent.transport is not None:
        said["transport"] = sent.transport
    return said


def _meaning(sent: Sent, protocol: DeviceProtocol) -> str | None:
    """What people call the code of a reply; of EtherNet/IP that of the packet or of its message."""
    assert sent.code is not None
    assert sent.response is not None
    if protocol is MODBUS:
        return names.exception_of(sent.code)
    if ethernetip.read_packet(sent.response).status:
        return names.packet_status_of(sent.code)
    return names.message_status_of(sent.code)


def _sent(exchange: Exchange) -> Sent:
    response = exchange.get("response")
    return Sent(
        bytes.fromhex(exchange["request"]),
        None if response is None else bytes.fromhex(response),
        exchange.get("reply_us"),
        exchange["outcome"],
        exchange.get("code"),
        exchange.get("transport"),
    )
