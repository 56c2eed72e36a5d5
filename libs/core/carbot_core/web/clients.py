"""Whose address a request comes from, when a gateway stands in between."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from litestar.types import Scope

type Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a setting; raise ValueError."""
    return tuple(ip_network(part) for part in text.split(",") if part)


def address_of(scope: Scope, trusted: tuple[Network, ...]) -> str:
    """Return the client's address.

    A trusted proxy appends the address that it saw to X-Forwarded-For: the last one counts, what stands before it anybody may
    have written.
    """
    peer: str = (scope.get("client") or ("", 0))[0]
    if not _is_in(peer, trusted):
        return peer
    chains = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    seen = chains[-1].decode("latin-1").rpartition(",")[2].strip() if chains else ""
    return seen if _parsed(seen) is not None else peer


def _is_in(text: str, trusted: tuple[Network, ...]) -> bool:
    address = _parsed(text)
    return address is not None and any(address in network for network in trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
