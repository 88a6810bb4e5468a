"""What a run of discovery found."""

from collections.abc import Mapping
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from connectors.devices import modbus
from connectors.devices.names import function_of
from motif.discovering import Discovered
from motif.display import words
from motif.display.table import number, table, text
from schemas.devices import DeviceProbed

_HTTP: Final = b"HTTP/"
_TLS: Final = (b"\x15\x03", b"\x16\x03")
"""How an alert and a handshake begin."""


def report(found: Discovered, lists: Mapping[str, int]) -> RenderableType:
    """The devices, and what asking them took."""
    parts: list[RenderableType] = []
    if found.probes:
        columns = [
            *(text("device"), text("vendor"), text("product"), text("code"), text("revision")),
            *(text("known by"), number("requests")),
        ]
        probes = sorted(found.probes, key=_place)
        parts = [table(columns, [_row(probe) for probe in probes]), ""]
    asked = words.plural(found.visited, "target")
    took = (
        f"{words.plural(found.requests, 'request')} over "
        f"{words.plural(found.connections, 'connection')} in {found.seconds:.1f} s"
    )
    parts.append(
        Text(f"Asked {asked}, {found.answered:,} of which answered: {took}.", style="bold")
    )
    said = ", ".join(f"{length} for {protocol}" for protocol, length in lists.items())
    if found.left_out:
        parts.append(Text(_left_out(found)))
    parts.append(Text(f"{_paths(found)} The slow path's list has so many requests: {said}."))
    return Group(*parts)


def round_line(found: Discovered, changes: Mapping[str, int]) -> str:
    """One of many runs in a line, and how many devices had changed."""
    changed = ", ".join(f"{n:,} {change}" for change, n in changes.items()) or "nothing changed"
    said = (
        f"{found.answered:,} of {words.plural(found.visited, 'target')} answered, {found.fast:,} "
        f"by the fast path, in {words.plural(found.requests, 'request')} "
        f"and {found.seconds:.1f} s; {changed}."
    )
    return f"{said} {_left_out(found)}" if found.left_out else said


def _left_out(found: Discovered) -> str:
    targets = words.plural(found.left_out, "target")
    return f"{targets} may not be asked at this time; `motif devices restrictions` says when."


def _paths(found: Discovered) -> str:
    """How many devices took which path, and what that saved."""
    if not found.fast and not found.contradicted:
        return "All by the slow path."
    sentence = (
        f"{words.plural(found.fast, 'device')} by the fast path, "
        f"{words.plural(found.saved, 'request')} saved."
    )
    if found.contradicted:
        sentence += f" Of {words.plural(found.contradicted, 'device')} what was known did not hold."
    return sentence


def line(probe: DeviceProbed) -> str:
    """A device as it was met, or why none was, in one line."""
    if probe.outcome != "identified":
        return f"{name(probe)} {unmet(probe)}"
    known = " ".join(one for one in (probe.vendor, probe.product, probe.revision) if one)
    told = ", which contradicts what was known" if probe.usage == "contradicted" else ""
    return f"{probe.path} path: {name(probe)} {known or probe.outcome}{told}"


def unmet(probe: DeviceProbed) -> str:
    """Why a probe identified nobody, with the address as the subject of the sentence."""
    if probe.outcome == "refused":
        return "refuses connections: nobody listens there"
    if probe.outcome == "unreachable":
        return "cannot be reached: there is no way to it from here"
    if probe.outcome == "answered":
        return f"answers by {probe.protocol} and does not say what it is{_refusal(probe)}"
    if probe.outcome == "malformed":
        return _other(probe)
    if not probe.exchanges:
        return "does not answer: nobody took the connection"
    if {exchange["outcome"] for exchange in probe.exchanges} <= {"timeout"}:
        return f"takes the connection and answers nothing; it may not speak {probe.protocol}"
    return (
        f"ends the connection instead of answering; it may not speak {probe.protocol}, "
        "speak TLS only, or serve other hosts only"
    )


def _refusal(probe: DeviceProbed) -> str:
    """What a device gave as its reason when it was asked what it is, in brackets."""
    refused = next((one for one in probe.exchanges if one.get("meaning")), None)
    if refused is None:
        return ""
    request, meaning = bytes.fromhex(refused["request"]), str(refused.get("meaning"))
    if probe.protocol == modbus.PROTOCOL:
        meaning = f"{function_of(modbus.read_frame(request).pdu)}: {meaning}"
    return f" ({meaning})"


def _other(probe: DeviceProbed) -> str:
    """What somebody speaks who answers with something else."""
    replies = [exchange.get("response") or "" for exchange in probe.exchanges]
    first = bytes.fromhex(next(filter(None, replies), ""))
    if first.startswith(_HTTP):
        return f"answers as a web server, not by {probe.protocol}"
    if first.startswith(_TLS):
        return f"speaks TLS; {probe.protocol} is asked without it only"
    return f"answers with something else than {probe.protocol}; its bytes are recorded"


def name(probe: DeviceProbed) -> str:
    """Where a device is."""
    if probe.protocol == "bootp":  # it has no address yet but that of its hardware
        return probe.address
    address = f"[{probe.address}]" if ":" in probe.address else probe.address
    part = ""
    if probe.unit is not None:
        part = f" unit {probe.unit}"
    elif probe.slot is not None:
        part = f" slot {probe.slot}"
    return f"{address}:{probe.port}{part}"


def _row(probe: DeviceProbed) -> list[str]:
    code = probe.product_code
    if code is not None and probe.device_type is not None:
        code = f"{probe.device_type}/{code}"
    vendor = probe.vendor
    if vendor is None and probe.vendor_id is not None:
        vendor = f"vendor {probe.vendor_id}"
    told = (vendor, probe.product, code, probe.revision)
    evidence: str = probe.evidence or probe.outcome
    if probe.simulator:
        evidence = f"{evidence}, a simulator's"
    shown = [words.UNKNOWN if one is None else one for one in told]
    return [name(probe), *shown, evidence.replace("_", " "), words.count(len(probe.exchanges))]


def _place(probe: DeviceProbed) -> tuple[str, int, int]:
    part = probe.unit if probe.unit is not None else probe.slot
    return (probe.address, probe.port, -1 if part is None else part)
