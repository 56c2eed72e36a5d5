"""What a scenario is: a life's worth of work, and the oracle that looks at what is left of it."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import asyncpg
from nats.js.api import DeliverPolicy
from nats.js.errors import NotFoundError

from carbot_core.consume import Consumer
from carbot_testing.issuer import Issuer
from carbot_testing.stage import Stage
from tests.chaos.crash_points.nursery import Outcome

ACK_WAIT_SECONDS = 0.15


class Scenario:
    """One life's worth of work, and its oracle."""

    work: ClassVar[str]
    service: ClassVar[str] = "crm"
    process: ClassVar[str] = "worker"
    settles: ClassVar[bool] = True
    """Whether the work goes on for ever, so that it is over when its effect is there."""
    fewest_points: ClassVar[int]
    later: ClassVar[int] = 0
    """By how many seconds the one who takes over is later."""

    def __init__(self, stage: Stage, eye: asyncpg.Connection, issuer: Issuer) -> None:
        self.stage = stage
        self.eye = eye
        self.issuer = issuer

    async def prepare(self) -> dict[str, Any]:
        """Set up what the life works on; return its arguments."""
        raise NotImplementedError

    async def settled(self) -> bool:
        raise NotImplementedError

    async def judge_remains(self, outcome: Outcome) -> None:
        """Assert what must hold after the death, before anybody has taken over."""

    async def judge(self, outcome: Outcome, recovery: Outcome) -> None:
        """Assert what must hold when another has taken over."""
        raise NotImplementedError

    async def counts(self, sql: str, *values: object) -> tuple[int, ...]:
        """Return the numbers that one statement counts, all at one moment."""
        return tuple(await self.eye.fetchrow(sql, *values) or ())

    async def make_durable(self, consumer: Consumer) -> None:
        """Make the consumer's durable new, with a short patience, for what is published from now on."""
        with suppress(NotFoundError):
            await self.stage.stream.delete_consumer(consumer.stream, consumer.durable)
        config = replace(consumer.config(), ack_wait=ACK_WAIT_SECONDS, deliver_policy=DeliverPolicy.NEW)
        await self.stage.stream.add_consumer(consumer.stream, config)

    async def consumed(self, consumer: Consumer) -> bool:
        """Tell whether everything was delivered and acknowledged."""
        info = await self.stage.stream.consumer_info(consumer.stream, consumer.durable)
        return info.num_pending == 0 and info.num_ack_pending == 0


async def arrived(stage: Stage, stream: str, before: int) -> list[dict[str, str]]:
    """Return the headers of what is in a stream after a position."""
    last = (await stage.stream.stream_info(stream)).state.last_seq
    return [
        (await stage.stream.get_msg(stream, number, direct=True)).headers or {}
        for number in range(before + 1, last + 1)
    ]
