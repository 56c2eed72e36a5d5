"""Sending messages when they are due, and reminding of what is due for vehicles."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

import structlog

from carbot_contracts.crm import VehicleDue
from carbot_core import telemetry, timers
from carbot_core.consume import Envelope
from carbot_core.context import Context
from carbot_core.db import Tx
from carbot_core.mail import Mailer, MailNotSent, MailRefused
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.communications import actions, queries
from carbot_crm.communications.models import Outgoing, Status
from carbot_crm.keys import Keys
from carbot_crm.send_gate.models import Channel
from carbot_crm.settings import Settings
from carbot_crm.templates.letters import write_letter

log = structlog.get_logger()
outcomes = telemetry.meter.create_counter("carbot.crm.messages")

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 33
"""Some twenty-four hours: a reminder that comes later still reminds, one that comes much later surprises."""
UNSUBSCRIBE_PATH = "/api/crm/v1/public/unsubscribe"


async def send_mail(settings: Settings, keys: Keys, outgoing: Outgoing, due: Due) -> str:
    """Send a message by mail and return its Message-ID; raise MailNotSent or MailRefused."""
    message, unsubscribe = outgoing.message, None
    if outgoing.is_advertising:
        token = keys.unsubscribe_link(due.organization_id, message.id)
        unsubscribe = f"{settings.public_url.rstrip('/')}{UNSUBSCRIBE_PATH}?token={token}"
    letter = write_letter(
        message.id,
        to=outgoing.to,
        subject=message.subject,
        body=message.body,
        language=message.language,
        sender=outgoing.sender,
        unsubscribe=unsubscribe,
    )
    return await Mailer(settings.smtp_url, settings.mail_from).send(letter)


type Send = Callable[[Settings, Keys, Outgoing, Due], Awaitable[str]]

CHANNELS: Final[Mapping[Channel, Send]] = {"email": send_mail}
"""How messages leave: each returns the provider's id, or raises MailNotSent or MailRefused."""


async def send_due_message(runtime: Runtime, due: Due) -> None:
    """Ask the gate, commit its verdict, send, and note what came of it; who does not answer is asked again later."""
    settings: Settings = runtime.settings
    keys = Keys(settings.key_encryption_key)
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        outgoing = await actions.decide_due(tx, keys, due.key, runtime.clock())
        if outgoing is None:
            await timers.finish(tx, due)
            return
    try:
        provider_id = await CHANNELS[outgoing.message.channel](settings, keys, outgoing, due)
    except MailRefused as refusal:
        await _end(runtime, due, outgoing, "bounced" if refusal.is_undeliverable else "failed", failure=str(refusal))
    except MailNotSent as refusal:
        log.warning("message_not_sent", attempts=due.attempts, reason=str(refusal))
        await _try_later(runtime, due, outgoing, str(refusal))
    else:
        await _end(runtime, due, outgoing, "sent", provider_id=provider_id)


async def _try_later(runtime: Runtime, due: Due, outgoing: Outgoing, failure: str) -> None:
    if due.attempts >= MOST_ATTEMPTS:
        await _end(runtime, due, outgoing, "failed", failure=failure)
        return
    now = runtime.clock()
    pause = min(FIRST_PAUSE * 2 ** (due.attempts - 1), LONGEST_PAUSE)
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        await queries.mark_outcome(
            tx, due.key, "scheduled", attempts=due.attempts, provider_id=None, failure=failure, now=now
        )
        await timers.postpone(tx, due, now + pause)
    outcomes.add(1, {"purpose": outgoing.message.purpose, "outcome": "postponed"})


async def _end(
    runtime: Runtime,
    due: Due,
    outgoing: Outgoing,
    status: Status,
    *,
    provider_id: str | None = None,
    failure: str | None = None,
) -> None:
    now = runtime.clock()
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        if not await timers.finish(tx, due):
            return
        await queries.mark_outcome(
            tx, due.key, status, attempts=due.attempts, provider_id=provider_id, failure=failure, now=now
        )
        if status == "bounced":
            await actions.suppress_bounced(tx, Keys(runtime.settings.key_encryption_key), outgoing, now)
    outcomes.add(1, {"purpose": outgoing.message.purpose, "outcome": status})


async def remind(tx: Tx, event: VehicleDue, envelope: Envelope) -> None:
    """Queue a reminder; whether it may be sent the gate says when it is sent."""
    await actions.remind(tx, event, envelope.occurred_at)
