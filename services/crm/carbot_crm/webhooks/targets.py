"""Calling a target that a stranger named: its name is resolved once, its address judged, and that address called."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx

from carbot_crm.webhooks.models import Answer

TIMEOUT_SECONDS: Final = 10.0
KEPT_BYTES: Final = 2048

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as a translator calls them (RFC 6052): what is inside may be anybody's own network."""


class TargetRefused(Exception):
    """The target's address is not one that anybody on the internet may call."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is of the public internet, and stands for no other address."""
    if isinstance(address, IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address.teredo or address in _NAT64
    ):
        return False
    return address.is_global and not address.is_multicast


def refuse_url(url: str, *, is_production: bool) -> str | None:
    """Return what is wrong with a target as it is written, or None; a name's address is judged when it is called."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is no address"
    if not host:
        return "This is no address"
    if is_production and parts.scheme != "https":
        return "Only https keeps what is told to yourselves"
    try:
        literal = ip_address(host)
    except ValueError:
        return None
    return None if _may_call(literal, is_production=is_production) else "This address is not of the public internet"


async def resolve(host: str, port: int, *, is_production: bool) -> str:
    """Return the address to call; raise TargetRefused if any of the name's addresses is none to be called, OSError if it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    if not all(_may_call(address, is_production=is_production) for address in addresses):
        raise TargetRefused
    return str(addresses[0])


async def call(url: str, body: bytes, headers: Mapping[str, str], *, is_production: bool) -> Answer:
    """Post to a target within ten seconds, following it nowhere; return what came of it, never raise."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _post(url, body, headers, is_production=is_production)
    except TargetRefused:
        return Answer(failure="target_not_public")
    except TimeoutError:
        return Answer(failure="timeout")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        return Answer(failure=type(error).__name__)


async def _post(url: str, body: bytes, headers: Mapping[str, str], *, is_production: bool) -> Answer:
    target = httpx.URL(url)
    if is_production and target.scheme != "https":
        raise TargetRefused
    port = target.port or (443 if target.scheme == "https" else 80)
    address = await resolve(target.host, port, is_production=is_production)
    # The address is called and no name, so that a second answer of the name server changes nothing; the certificate must
    # still be the name's.
    pinned = target.copy_with(host=address)
    sent = {**headers, "host": target.netloc.decode()}
    extensions = {"sni_hostname": target.raw_host.decode()}
    async with (
        httpx.AsyncClient(verify=_tls(), timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
        client.stream("POST", pinned, content=body, headers=sent, extensions=extensions) as answer,
    ):
        text = await _beginning(answer)
        failure = None if answer.is_success else "not_taken"
        return Answer(answer.status_code, text, failure)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _beginning(answer: httpx.Response) -> str:
    kept = b""
    async for chunk in answer.aiter_raw(KEPT_BYTES):
        kept += chunk
        if len(kept) >= KEPT_BYTES:
            break
    return kept[:KEPT_BYTES].decode(errors="replace").replace("\x00", "\ufffd")


def _may_call(address: IPv4Address | IPv6Address, *, is_production: bool) -> bool:
    return is_public(address) or (not is_production and address.is_loopback)
