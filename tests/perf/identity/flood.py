"""A flood of sign-ins, and what it does to everybody else."""

import asyncio
import secrets
from collections import Counter

import msgspec

from tests.perf.connection import Connection, connections
from tests.perf.load import Latencies, Request, arrivals, drive_open, follow
from tests.perf.web import until_answered

SIGN_INS_PER_SECOND = 50.0
REQUESTS_PER_SECOND = 50.0
CONNECTIONS = 32
_FLOOD_CONNECTIONS = 100
"""More than ever wait, so that what comes is sent at once, and each from another address."""


class Flooded(msgspec.Struct, frozen=True):
    """The times of another route without and with the flood, and how the flood was answered, by status."""

    calm: Latencies
    flooded: Latencies
    errors: int
    statuses: Counter[int]


async def measure(port: int, other: Request, *, seconds: float) -> Flooded:
    """Time the other route, then again while strangers sign in."""

    async def drive(seconds: float) -> tuple[Latencies, int]:
        measured = await drive_open(port, other, count=CONNECTIONS, per_second=REQUESTS_PER_SECOND, seconds=seconds)
        return measured.latencies, measured.errors

    await until_answered(port, other)
    await drive(2)
    calm, calm_errors = await drive(seconds)
    (flooded, errors), statuses = await asyncio.gather(drive(seconds), _flood(port, seconds))
    return Flooded(calm, flooded, calm_errors + errors, statuses)


async def _flood(port: int, seconds: float) -> Counter[int]:
    statuses, idle = Counter[int](), asyncio.Queue[Connection]()

    async def sign_in(_moment: float) -> None:
        connection = await idle.get()
        statuses[await connection.ask(_request())] += 1
        idle.put_nowait(connection)

    async with connections(port, _FLOOD_CONNECTIONS, apart=True) as opened:
        for connection in opened:
            idle.put_nowait(connection)
        await follow(arrivals(SIGN_INS_PER_SECOND, seconds), sign_in)
    return statuses


def _request() -> bytes:
    body = msgspec.json.encode(
        {"email": f"stranger-{secrets.token_hex(8)}@example.org", "password": "wrong horse battery"}
    )
    return (
        b"POST /api/tenancy/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
