"""Sending mails: what happens when the timer of one is due."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from carbot_core import telemetry, timers
from carbot_core.context import Context
from carbot_core.db import Tx
from carbot_core.mail import Mailer, MailNotSent
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_tenancy.accounts import letters as accounts
from carbot_tenancy.invitations import actions as invitations
from carbot_tenancy.mails import queries
from carbot_tenancy.mails.letters import write_letter
from carbot_tenancy.mails.models import Contents, Mail, MailState, Template
from carbot_tenancy.notices import letters as notices
from carbot_tenancy.registrations import actions as registrations

log = structlog.get_logger()
outcomes = telemetry.meter.create_counter("carbot.tenancy.mails")

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 20
"""Some twelve hours: then whoever waits has asked again."""
MOST_MAILS = 5
WINDOW = timedelta(hours=1)

type Writer = Callable[[Tx, Mail, datetime], Awaitable[Contents | None]]

WRITERS: dict[Template, Writer] = {
    "registration": registrations.write_mail,
    "invitation": invitations.write_mail,
    "password_reset": accounts.write_password_reset,
    "password_changed": accounts.write_password_changed,
    "email_change": accounts.write_email_change,
    "email_changed": accounts.write_email_changed,
    "second_factor_changed": accounts.write_second_factor_changed,
    "webhook_disabled": notices.write_webhook_disabled,
}


async def send_due_mail(runtime: Runtime, due: Due) -> None:
    """Make the letter and its token, commit, send, and note it; a mail server that does not answer is asked again later."""
    now = runtime.clock()
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        mail = await queries.find_queued_mail(tx, due.key)
        if mail is None:
            await timers.finish(tx, due)
            return
        suppressed = await _is_one_too_many(tx, mail, now)
        contents = None if suppressed else await WRITERS[mail.template](tx, mail, now)
    if contents is None:
        await _end(runtime, due, mail, "suppressed" if suppressed else "failed")
        return
    settings = runtime.settings
    letter = write_letter(
        contents, to=mail.recipient, locale=contents.locale or mail.locale, public_url=settings.public_url
    )
    try:
        await Mailer(settings.smtp_url, settings.mail_from).send(letter)
    except MailNotSent as refusal:
        log.warning("mail_not_sent", attempts=due.attempts, reason=str(refusal))
        await _try_later(runtime, due, mail)
    else:
        await _end(runtime, due, mail, "sent")


async def _is_one_too_many(tx: Tx, mail: Mail, now: datetime) -> bool:
    """Count a mail the first time; whether there are too many is told nobody who asked for it, so it is found out here."""
    if not await queries.mark_written(tx, mail.id, now):
        return False
    key = hashlib.sha256(f"{mail.template} {mail.recipient}".encode()).digest()
    return await queries.update_count(tx, key, window_ends_at=now + WINDOW, now=now) > MOST_MAILS


async def _try_later(runtime: Runtime, due: Due, mail: Mail) -> None:
    if due.attempts >= MOST_ATTEMPTS:
        await _end(runtime, due, mail, "failed")
        return
    now = runtime.clock()
    pause = min(FIRST_PAUSE * 2 ** (due.attempts - 1), LONGEST_PAUSE)
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        await queries.mark_mail(tx, due.key, "queued", attempts=due.attempts, now=now)
        await timers.postpone(tx, due, now + pause)
    outcomes.add(1, {"template": mail.template, "outcome": "postponed"})


async def _end(runtime: Runtime, due: Due, mail: Mail, state: MailState) -> None:
    async with runtime.database.transaction(Context(organization_id=due.organization_id)) as tx:
        if not await timers.finish(tx, due):
            return
        await queries.mark_mail(tx, due.key, state, attempts=due.attempts, now=runtime.clock())
    outcomes.add(1, {"template": mail.template, "outcome": state})
