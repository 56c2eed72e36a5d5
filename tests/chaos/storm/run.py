"""A storm from its beginning to its judgement."""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random
from time import monotonic
from uuid import UUID

import msgspec

from carbot_local.database import connected
from carbot_testing.issuer import Issuer
from tests.chaos.storm import schedule
from tests.chaos.storm.courier import Courier
from tests.chaos.storm.ledger import Ledger
from tests.chaos.storm.oracle import WATCH, Findings, compare_commands
from tests.chaos.storm.oracle_events import compare_events
from tests.chaos.storm.quiet import compare_rest, until_quiet
from tests.chaos.storm.stack import DATABASE, Servers, Stack, prepared, running
from tests.chaos.storm.strikes import Strikes
from tests.chaos.storm.writers import Writer

_CALM_SECONDS = 60.0
CLIENT_FAULTS = ("client cancelled", "client disconnected")


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How long it blows, how often each class of fault is to strike, and how often it must have for the run to say anything."""

    seconds: float
    each: int
    least: int
    latest_seconds: float
    """When the blows end for which a slow machine had no time."""
    organizations: int = 4
    writers: int = 16
    pause: float = 0.25
    quiet_seconds: float = 240.0


class Result(msgspec.Struct, frozen=True):
    """What was done, counted and found."""

    struck: Counter[str]
    missed: Counter[str]
    ledger: Ledger
    findings: Findings
    quiet_after: float
    too_few: list[str]

    @property
    def holds(self) -> bool:
        return not self.findings.broken and not self.too_few


async def storm(servers: Servers, seed: int, size: Size, tell: Callable[[str], None]) -> Result:
    """Let it blow, wait until all is quiet, and compare."""
    issuer, ledger, findings = Issuer(), Ledger(), Findings()
    async with (
        prepared(servers, issuer, size.organizations) as (place, organizations),
        running(place, issuer) as stack,
    ):
        async with connected(place.plane.dsn_superuser(DATABASE)) as connection:
            await connection.execute(WATCH)
        strikes = Strikes(stack, tell)
        await _blow(stack, strikes, ledger, organizations, seed, size)
        tell("the storm is over")
        async with connected(place.plane.dsn_superuser(DATABASE)) as connection:
            quiet_after = await until_quiet(findings, connection, place.nats, size.quiet_seconds)
            tell(f"all is quiet after {quiet_after:.1f} s")
            await compare_rest(findings, connection, stack)
            await compare_commands(findings, connection, ledger)
            await compare_events(findings, connection, place.nats)
    struck = strikes.fired + Counter({name: ledger.done[name] for name in CLIENT_FAULTS})
    too_few = [
        f"{name}: {struck[name]} of {size.least}"
        for name in (*schedule.classes(), *CLIENT_FAULTS)
        if struck[name] < size.least
    ]
    return Result(struck, strikes.missed, ledger, findings, quiet_after, too_few)


async def _blow(
    stack: Stack, strikes: Strikes, ledger: Ledger, organizations: list[UUID], seed: int, size: Size
) -> None:
    """Strike while clients write; return when the schedule has ended and every client has finished."""
    drawn = schedule.draw(seed, seconds=size.seconds, each=size.each)
    ended = asyncio.Event()
    writers: list[Writer] = []
    for number in range(size.writers):
        dice = Random(seed * 1000 + number)
        courier = Courier(stack.ports, stack.issuer, organizations[number % len(organizations)], ledger, dice)
        writers.append(Writer(courier, ledger, dice, pause=size.pause))
    for writer in writers:
        await writer.create_workshop()
    await _until_known(stack, {writer.home for writer in writers})
    async with asyncio.TaskGroup() as clients:
        for writer in writers:
            clients.create_task(writer.run(ended))
        try:
            await strikes.run(drawn, size.latest_seconds)
        finally:
            ended.set()


async def _until_known(stack: Stack, workshops: set[UUID]) -> None:
    end = monotonic() + _CALM_SECONDS
    async with connected(stack.place.plane.dsn_superuser(DATABASE)) as connection:
        while workshops - {row["id"] for row in await connection.fetch("SELECT id FROM crm.workshops")}:
            if monotonic() > end:
                raise TimeoutError("crm does not hear of the workshops, although nothing was broken yet")
            await asyncio.sleep(0.1)
