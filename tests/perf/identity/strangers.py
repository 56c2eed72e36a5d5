"""What somebody who only watches can tell: nothing, not even by the clock."""

import itertools
import secrets
from collections.abc import Callable
from ipaddress import IPv4Address
from statistics import median
from time import perf_counter
from typing import Any

import httpx
import msgspec

from tests.perf.identity.people import People

TENANCY = "/api/tenancy/v1"
MOST_FAILURES = 4
"""Wrong passwords of one account that are no reason to refuse the next."""

type Body = Callable[[str], dict[str, Any]]


class Comparison(msgspec.Struct, frozen=True):
    """Medians in milliseconds, and whether status, headers and body were ever different."""

    work: str
    samples: int
    known: float
    unknown: float
    differs: bool


def _registration(email: str) -> dict[str, Any]:
    return {
        "organization": {"legal_name": "Werkstatt GmbH", "legal_form": "gmbh"},
        "owner": {"email": email, "password": "correct horse battery", "name": "Anna"},
    }


ASKED: dict[str, tuple[str, Body]] = {
    "register": (f"{TENANCY}/organizations", _registration),
    "login": (f"{TENANCY}/auth/login", lambda email: {"email": email, "password": "wrong horse battery"}),
    "reset": (f"{TENANCY}/auth/password-reset", lambda email: {"email": email}),
    "invite": (f"{TENANCY}/invitations", lambda email: {"email": email, "role": "viewer"}),
}


async def compare(url: str, token: str, known: People, *, samples: int) -> list[Comparison]:
    """Ask for known and unknown addresses in turn, each from an address of its own."""
    async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
        return [await _compare(client, work, token, known, samples) for work in ASKED]


async def _compare(client: httpx.AsyncClient, work: str, token: str, known: People, samples: int) -> Comparison:
    path, body = ASKED[work]
    emails = itertools.cycle(known.emails)
    times: dict[bool, list[float]] = {True: [], False: []}
    answers: set[Any] = set()
    for number in range(2 * samples):
        is_known = bool(number % 2)
        email = next(emails) if is_known else f"stranger-{secrets.token_hex(8)}@example.org"
        headers = {"x-forwarded-for": str(IPv4Address(secrets.randbits(32)))}
        if work == "invite":
            headers["authorization"] = f"Bearer {token}"
        started = perf_counter()
        answer = await client.post(path, json=body(email), headers=headers)
        times[is_known].append((perf_counter() - started) * 1000)
        answers.add(_shape(answer, email))
    known_ms, unknown_ms = median(times[True]), median(times[False])
    return Comparison(work, samples, known_ms, unknown_ms, differs=len(answers) != 1)


def _shape(answer: httpx.Response, email: str) -> Any:
    """Return all of an answer that is not new each time."""
    content = answer.json()
    for changing in ("trace_id", "id", "created_at", "expires_at", "sent_at", "updated_at"):
        content.pop(changing, None)
    shown = msgspec.json.encode(content, order="sorted").replace(email.encode(), b"<email>")
    ever_new = {"date", "x-request-id", "carbot-consistency", "content-length", "location"}
    headers = tuple(sorted((name, value) for name, value in answer.headers.items() if name not in ever_new))
    return answer.status_code, headers, shown
