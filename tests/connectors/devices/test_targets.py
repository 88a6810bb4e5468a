"""The policy: what may be probed, and every way to ask for something else."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.devices.targets import Policy, Target, policy_of, targets_of
from schemas.errors import MotifError, WrongUse

NAMES = {
    "plc": ["192.168.1.5"],
    "elsewhere": ["10.9.9.9"],
    "odd": ["::ffff:192.168.1.6"],
    "several": ["2001:db8::5", "192.168.1.7", "192.168.1.8", "192.168.1.9"],
}


def resolve(host: str) -> list[str]:
    """Names that never change."""
    return NAMES.get(host, [])


def probed(
    *texts: str, networks: tuple[str, ...] = ("192.168.1.0/24",), **more: object
) -> list[Target]:
    """The targets of a policy."""
    exclude = more.pop("exclude", ())
    assert isinstance(exclude, tuple)
    policy = policy_of(networks, exclude, large=bool(more.get("large")))
    return targets_of(texts, policy, resolve)


def test_without_a_list_nothing_may_be_probed() -> None:
    with pytest.raises(WrongUse, match="no network may be probed"):
        policy_of([])


@pytest.mark.parametrize("network", ["0.0.0.0/0", "10.0.0.0/7", "::/0", "2001::/16"])
def test_a_list_that_holds_everything_is_none(network: str) -> None:
    with pytest.raises(WrongUse, match="too much"):
        policy_of([network])


@pytest.mark.parametrize("text", ["", "plant", "192.168.1.1/24", "300.1.1.1", "1.2.3.4/33"])
def test_what_is_no_network_is_said(text: str) -> None:
    with pytest.raises(WrongUse, match="must be a network"):
        policy_of([text])
    with pytest.raises(WrongUse, match="must be a network"):
        policy_of(["10.0.0.0/8"], [text])


def test_addresses_names_and_ports_are_targets() -> None:
    found = probed("192.168.1.9", "192.168.1.9:5020", "plc", "plc:503", "odd")

    assert [(one.address, one.port) for one in found] == [
        ("192.168.1.9", None),
        ("192.168.1.9", 5020),
        ("192.168.1.5", None),
        ("192.168.1.5", 503),
        ("192.168.1.6", None),
    ]
    assert all(one.named for one in found)


def test_a_range_is_its_hosts_without_the_excluded_and_named_ones_come_first() -> None:
    found = probed("192.168.1.0/29:5020", "192.168.1.4", exclude=("192.168.1.2/31",))

    assert found == [
        Target("192.168.1.4", None, named=True),
        *(Target(f"192.168.1.{one}", 5020, named=False) for one in (1, 4, 5, 6)),
    ]


def test_what_is_asked_for_twice_is_probed_once() -> None:
    found = probed("192.168.1.5", "plc", "192.168.1.4/30", "192.168.1.4/31")

    assert [one.address[-1] for one in found] == ["5", "6", "4"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.0.0.1", "in none of the networks 192.168.1.0/24"),
        ("elsewhere", "10.9.9.9 is in none"),
        ("192.168.2.0/30", "in none of the networks"),
        ("192.168.0.0/23", "in none of the networks"),
        ("224.0.0.1", "not the address of one device"),
        ("255.255.255.255", "not the address of one device"),
        ("0.0.0.0", "not the address of one device"),  # noqa: S104  # nobody binds to it
        ("::1", "in none of the networks"),
        ("192.168.1.7", "is excluded"),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(WrongUse, match=says):
        probed(text, exclude=("192.168.1.7",))


@pytest.mark.parametrize(
    "text",
    ["", ":502", "plc:" + "1" * 5_000, "plc:", "plc:0", "plc:65536", "plc:x", "a:b:c", "[::1"],
)
def test_what_is_no_target_is_said(text: str) -> None:
    with pytest.raises(WrongUse, match="is no target"):
        probed(text)


def test_a_name_nobody_knows_is_said() -> None:
    with pytest.raises(MotifError, match="'nobody' stands for no address"):
        probed("nobody")


def test_ipv4_written_as_ipv6_is_excluded_and_allowed_like_ipv4() -> None:
    policy = policy_of(["::ffff:10.0.0.0/120"], ["::ffff:10.0.0.7", "::ffff:10.0.0.16/124"])

    assert policy.allows("10.0.0.8")
    assert [one for one in ("10.0.0.7", "10.0.0.17", "10.0.1.1") if policy.allows(one)] == []


def test_an_address_is_named_though_a_range_holds_it_too() -> None:
    assert probed("192.168.1.4/30", "192.168.1.6")[0] == Target("192.168.1.6", None, named=True)


def test_of_a_name_with_several_addresses_the_first_is_probed_that_may_be() -> None:
    found = probed("several:503", exclude=("192.168.1.7",))

    assert found == [Target("192.168.1.8", 503, named=True)]
    with pytest.raises(WrongUse, match=r"2001:db8::5 is in none of the networks 10\.0\.0\.0/8"):
        probed("several", networks=("10.0.0.0/8",))


def test_an_address_of_ipv6_works_and_a_range_of_it_is_refused() -> None:
    networks = ("2001:db8::/32", "fe80::/64")

    found = probed("2001:db8::1", "[2001:db8::2]:502", "2001:db8::3/128", networks=networks)

    assert [(one.address, one.port) for one in found] == [
        ("2001:db8::1", None),
        ("2001:db8::2", 502),
        ("2001:db8::3", None),
    ]
    for text in ("2001:db8::/126", "2001:db8::/64"):
        with pytest.raises(WrongUse, match="range of IPv6"):
            probed(text, networks=networks)


def test_an_address_in_the_clothes_of_another_version_is_held_against_the_same_list() -> None:
    policy = policy_of(["10.0.0.0/8"], ["10.0.0.7"])

    assert policy.allows("::ffff:10.0.0.1")
    assert not policy.allows("::ffff:10.0.0.7")
    assert not policy.allows("::ffff:11.0.0.1")


def test_more_than_a_22_needs_to_be_meant() -> None:
    networks = ("10.0.0.0/8",)

    assert len(probed("10.1.0.0/22", networks=networks)) == 1022
    for texts in (["10.1.0.0/21"], ["10.1.0.0/22", "10.2.0.0/29"]):
        with pytest.raises(WrongUse, match="--large"):
            probed(*texts, networks=networks)
    assert len(probed("10.1.0.0/21", networks=networks, large=True)) == 2046
    with pytest.raises(WrongUse, match="most that one run"):
        probed("10.0.0.0/8", networks=networks, large=True)


@given(st.integers(0, 2**32 - 1), st.integers(8, 32), st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_no_target_lies_outside_the_list_or_among_the_excluded(
    network: int, bits: int, excluded: int, excluded_bits: int
) -> None:
    allowed = IPv4Network((network, bits), strict=False)
    without = IPv4Network((excluded, excluded_bits), strict=False)
    policy = Policy((allowed,), (without,))

    for address in (allowed[0], allowed[-1], IPv4Address(excluded), without[-1], IPv4Address(1)):
        inside = address in allowed and address not in without
        unicast = not address.is_multicast and int(address) not in {0, 2**32 - 1}
        assert policy.allows(str(address)) is (inside and unicast)
