"""How far a device fits a pattern: the table of the seed, and what may never take the fast path."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.devices import DeviceProbed
from streams.fingerprint import Fingerprint, fingerprint_of, protocol_named
from streams.match import FAST_FROM, match, takes_fast_path
from streams.versions import major_of

METER = Fingerprint("modbus.tcp", "identity", vendor="acme", product_code="m-1", model="meter")
PLC = Fingerprint(
    "ethernet_ip", "identity", 1, "rockwell automation", 14, "54", "1756-l61", major=20
)

confidences = st.floats(0, 1)
maybe_number = st.none() | st.integers(0, 5)
maybe_text = st.none() | st.sampled_from(["a", "b", "c"])
fingerprints = st.builds(
    Fingerprint,
    st.sampled_from(["modbus.tcp", "ethernet_ip", "bootp"]),
    st.sampled_from(["identity", "server_id", "exceptions", "request"]),
    maybe_number,
    maybe_text,
    maybe_number,
    maybe_text,
    maybe_text,
    maybe_number,
)

FULL = [(0.0, 0.70), (0.3, 0.79), (0.5, 0.85), (0.8, 0.94), (1.0, 1.0)]


@pytest.mark.parametrize(("pattern_confidence", "expected"), FULL)
@pytest.mark.parametrize("device", [METER, PLC, replace(METER, model=None)])
def test_a_full_match_is_as_sure_as_the_seed_says(
    device: Fingerprint, pattern_confidence: float, expected: float
) -> None:
    assert match(device, device, pattern_confidence).confidence == expected


def test_what_one_side_does_not_know_adds_nothing_and_takes_nothing() -> None:
    nameless = replace(METER, vendor=None)

    found = match(nameless, METER, 1.0)

    assert (found.confidence, found.different) == (0.7, ())
    assert match(replace(METER, model=None, product_code=None), METER, 1.0).confidence == 0.8


def test_type_and_product_code_together_are_the_model_where_there_is_no_name() -> None:
    nameless = replace(PLC, model=None)

    assert match(nameless, nameless, 1.0).confidence == 1.0
    assert match(replace(nameless, device_type=None), nameless, 1.0).confidence == 0.8


def test_products_with_one_code_and_two_types_do_not_match() -> None:
    card = replace(PLC, device_type=12, product_code="166", model=None)
    controller = replace(PLC, device_type=14, product_code="166", model=None)

    found = match(card, controller, 1.0)

    assert found.different == ("device_type",)
    assert found.confidence < FAST_FROM


COMPARED = ("vendor_id", "vendor", "device_type", "product_code", "model", "protocol")


@given(fingerprints, fingerprints, confidences)
def test_what_differs_never_takes_the_fast_path_at_any_confidence(
    device: Fingerprint, pattern: Fingerprint, confidence: float
) -> None:
    found = match(device, pattern, confidence)
    differs = any(
        None not in {(one := getattr(device, name)), (other := getattr(pattern, name))}
        and one != other
        for name in COMPARED
    )

    assert 0 <= found.confidence <= 1
    assert bool(found.different) is differs
    if differs:
        assert found.confidence < FAST_FROM
        assert not takes_fast_path(found, confidence, least=0.0)


@given(fingerprints, confidences)
def test_weak_evidence_is_capped_and_never_takes_the_fast_path(
    device: Fingerprint, confidence: float
) -> None:
    found = match(device, device, confidence)

    most = {"identity": 1.0, "server_id": 0.6, "exceptions": 0.6, "request": 0.3}
    assert found.confidence <= most[device.evidence or ""]
    if device.evidence != "identity":
        assert not takes_fast_path(found, confidence)


@given(fingerprints, fingerprints, confidences, confidences)
def test_a_surer_pattern_never_fits_less_and_both_sides_count_alike(
    device: Fingerprint, pattern: Fingerprint, low: float, high: float
) -> None:
    low, high = sorted((low, high))

    assert match(device, pattern, low).confidence <= match(device, pattern, high).confidence
    assert match(device, pattern, low) == match(pattern, device, low)


def test_a_pattern_of_little_confidence_is_never_applied() -> None:
    found = match(METER, METER, 0.49)

    assert found.confidence > FAST_FROM
    assert not takes_fast_path(found, 0.49)
    assert takes_fast_path(match(METER, METER, 0.5), 0.5)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        match(METER, METER, confidence)


def probed(**more: Any) -> DeviceProbed:
    """A probe of a meter."""
    said = {
        "address": "10.0.0.7",
        "port": 502,
        "protocol": "modbus.tcp",
        "unit": 255,
        "transport": "tcp",
        "path": "slow",
        "outcome": "identified",
        "exchanges": [],
        "evidence": "identity",
        "vendor": "ACME Ltd.",
        "product_code": "M-1  ",
        "product": "Meter",
        "revision": "V2.10",
        "decoder_version": 1,
    }
    return DeviceProbed.model_validate({**said, **more})


PRIVATE = {
    "address": "10.0.0.8",
    "port": 503,
    "unit": 1,
    "serial": "00c0ffee",
    "mac": "00:00:bc:12:34:56",
    "objects": {"6": "Boiler room"},
    "status": 48,
    "state": 3,
    "units": [0, 1],
}


def test_devices_that_differ_in_what_is_their_own_have_one_fingerprint() -> None:
    first, second = fingerprint_of(probed()), fingerprint_of(probed(**PRIVATE))

    assert first == second
    assert first is not None
    held = {str(getattr(first, one.name)) for one in fields(first)}
    assert not held & {str(value) for value in PRIVATE.values()}


def test_vendors_and_codes_are_compared_without_what_firmwares_pad_with() -> None:
    spelled = probed(vendor="Acme", product_code=" M-1", revision="2.11")

    assert fingerprint_of(spelled) == fingerprint_of(probed())


def test_another_major_revision_is_another_key_and_a_minor_one_is_not() -> None:
    keys = [
        fingerprint.key
        for revision in ("V2.10", "V2.99", "V3.0")
        if (fingerprint := fingerprint_of(probed(revision=revision)))
    ]

    assert keys[0] == keys[1] != keys[2]
    assert (major_of(None), major_of("10.0")) == (None, 10)


def test_simulators_and_devices_that_said_nothing_have_no_fingerprint() -> None:
    assert fingerprint_of(probed(simulator=True)) is None
    assert fingerprint_of(probed(evidence=None, outcome="silent")) is None


def test_fields_that_are_absent_are_not_zero() -> None:
    silent = fingerprint_of(probed(vendor=None, product_code=None, revision=None))
    zero = Fingerprint("modbus.tcp", "identity", vendor_id=0, device_type=0, product_code="0")

    assert silent is not None
    assert match(silent, zero, 1.0).same == ("protocol",)
    assert match(silent, zero, 1.0).different == ()


@pytest.mark.parametrize("name", ["modbus.tcp", "Modbus-TCP", "cip", "EtherNet/IP", "dhcp"])
def test_other_spellings_of_a_protocol_mean_the_same(name: str) -> None:
    assert protocol_named(name) in {"modbus.tcp", "ethernet_ip", "bootp"}
