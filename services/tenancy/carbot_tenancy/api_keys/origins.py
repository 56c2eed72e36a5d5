"""Origins of pages (RFC 6454), in the one form in which browsers send them."""

import re
from urllib.parse import urlsplit

import idna

_LABELS = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LOCAL = frozenset({"localhost", "127.0.0.1"})
_DEFAULT_PORTS = {"https": 443, "http": 80}


def normalize_origin(text: str) -> str | None:
    """Return scheme://host[:port] with the host in ASCII and no default port; None unless it is https, or http on localhost."""
    try:
        parts = urlsplit(text.strip())
        host, port = _ascii(parts.hostname or ""), parts.port
    except ValueError:
        return None
    more_than_an_origin = parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc
    if more_than_an_origin or "?" in text or "#" in text or not _LABELS.fullmatch(host):
        return None
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL):
        return None
    shown_port = "" if port is None or port == _DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def _ascii(host: str) -> str:
    """Return the host as browsers write it (UTS 46); raises ValueError."""
    return host if host.isascii() else idna.encode(host, uts46=True).decode()
