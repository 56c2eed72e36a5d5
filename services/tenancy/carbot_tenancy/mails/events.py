"""Sending mails: what happens when the timer of one is due."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import structlog

from carbot_core import timers
from carbot_core.db import Context, Tx
from carbot_core.mail import Mailer, MailNotSent
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_tenancy.invitations import actions as invitations
from carbot_tenancy.mails import queries
from carbot_tenancy.mails.letters import write_letter
from carbot_tenancy.mails.models import Contents, Template
from carbot_tenancy.registrations import actions as registrations

log = structlog.get_logger()

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 20
"""Some twelve hours: then whoever waits has asked again."""

type Writer = Callable[[Tx, UUID, datetime], Awaitable[Contents | None]]

WRITERS: dict[Template, Writer] = {"registration": registrations.write_mail, "invitation": invitations.write_mail}


async def send_due_mail(runtime: Runtime, due: Due) -> None:
    """Make the letter and its token, commit, send, and note it; a mail server that does not answer is asked again later."""
    now, context = runtime.clock(), Context(organization_id=due.organization_id)
    async with runtime.database.transaction(context) as tx:
        mail = await queries.find_queued_mail(tx, due.key)
        contents = None if mail is None else await WRITERS[mail.template](tx, UUID(mail.parameters["id"]), now)
    if mail is None or contents is None:
        await _end(runtime, due, "failed")
        return
    settings = runtime.settings
    letter = write_letter(contents, to=mail.recipient, locale=mail.locale, public_url=settings.public_url)
    try:
        await Mailer(settings.smtp_url, settings.mail_from).send(letter)
    except MailNotSent as refusal:
        log.warning("mail_not_sent", attempts=due.attempts, reason=str(refusal))
        await _try_later(runtime, due)
    else:
        await _end(runtime, due, "sent")


async def _try_later(runtime: Runtime, due: Due) -> None:
    if due.attempts >= MOST_ATTEMPTS:
        await _end(runtime, due, "failed")
        return
    now = runtime.clock()
    pause = min(FIRST_PAUSE * 2 ** (due.attempts - 1), LONGEST_PAUSE)
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        await queries.mark_mail(tx, due.key, "queued", attempts=due.attempts, now=now)
        await timers.postpone(tx, due, now + pause)


async def _end(runtime: Runtime, due: Due, state: Literal["sent", "failed"]) -> None:
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        if await timers.finish(tx, due):
            await queries.mark_mail(tx, due.key, state, attempts=due.attempts, now=runtime.clock())
