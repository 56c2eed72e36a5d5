"""A flood of sign-ins, and what it does to everybody else."""

import asyncio
import secrets
from collections import Counter
from ipaddress import IPv4Address

import httpx
import msgspec

from tests.perf.load import Latencies, Request, arrivals, drive_open, follow

SIGN_INS_PER_SECOND = 50.0
REQUESTS_PER_SECOND = 50.0
CONNECTIONS = 32


class Flooded(msgspec.Struct, frozen=True):
    """The times of another route without and with the flood, and how the flood was answered, by status."""

    calm: Latencies
    flooded: Latencies
    errors: int
    statuses: Counter[int]
    without_retry_after: int


async def measure(url: str, port: int, other: Request, *, seconds: float) -> Flooded:
    """Time the other route, then again while strangers sign in."""

    async def drive() -> tuple[Latencies, int]:
        measured = await drive_open(port, other, count=CONNECTIONS, per_second=REQUESTS_PER_SECOND, seconds=seconds)
        return measured.latencies, measured.errors

    await drive_open(port, other, count=CONNECTIONS, per_second=REQUESTS_PER_SECOND, seconds=2)
    calm, calm_errors = await drive()
    statuses, silent = Counter[int](), 0
    async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:

        async def sign_in(_moment: float) -> None:
            nonlocal silent
            answer = await client.post(
                "/api/tenancy/v1/auth/login",
                json={"email": f"stranger-{secrets.token_hex(8)}@example.org", "password": "wrong horse battery"},
                headers={"x-forwarded-for": str(IPv4Address(secrets.randbits(32)))},
            )
            statuses[answer.status_code] += 1
            silent += answer.status_code in {429, 503} and "retry-after" not in answer.headers

        (flooded, errors), _ = await asyncio.gather(drive(), follow(arrivals(SIGN_INS_PER_SECOND, seconds), sign_in))
    return Flooded(calm, flooded, calm_errors + errors, statuses, silent)
