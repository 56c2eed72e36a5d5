"""Whose address counts: the gateway's word is believed, nobody else's."""

from typing import Any

import pytest

from carbot_core.web.clients import address_of, networks

GATEWAYS = networks("10.0.0.0/8,fd00::/8")


def scope(peer: str | None, *chains: str) -> Any:
    headers = [(b"x-forwarded-for", chain.encode("latin-1")) for chain in chains]
    return {"client": None if peer is None else (peer, 1), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "chains", "address"),
    [
        ("10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
        ("10.1.2.3", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.1.2.3", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["unknown"], "10.1.2.3"),
        ("10.1.2.3", ["203.0.113.9, ü"], "10.1.2.3"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("2001:db8::5", ["10.0.0.1"], "2001:db8::5"),
        (None, ["198.51.100.1"], ""),
    ],
)
def test_last_address_of_a_trusted_gateway_counts(peer: str | None, chains: list[str], address: str) -> None:
    assert address_of(scope(peer, *chains), GATEWAYS) == address


def test_without_gateways_nobody_is_believed() -> None:
    assert address_of(scope("127.0.0.1", "203.0.113.9"), networks("")) == "127.0.0.1"


def test_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        networks("10.0.0.1/8")
