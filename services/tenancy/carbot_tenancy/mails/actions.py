"""Queueing mails."""

from datetime import datetime
from uuid import UUID

from carbot_core import timers
from carbot_core.db import Tx
from carbot_core.ids import OPERATOR, new_id
from carbot_tenancy.accounts.models import Account
from carbot_tenancy.fields import Locale
from carbot_tenancy.mails import queries
from carbot_tenancy.mails.models import Mail, Template

TIMER = "mail"


async def queue_account_mail(
    tx: Tx, template: Template, account: Account, *, now: datetime, to: str | None = None
) -> None:
    """Write to a user about the account, which belongs to no organisation; to another address than the account's if it is named."""
    async with tx.within(OPERATOR):
        await queue_mail(tx, template, to or account.email, locale=account.locale, about=account.id, now=now)


async def queue_mail(tx: Tx, template: Template, recipient: str, *, locale: Locale, about: UUID, now: datetime) -> None:
    """Let the worker write to somebody about a row, once the transaction has committed."""
    mail = Mail(id=new_id(), template=template, recipient=recipient, locale=locale, parameters={"id": str(about)})
    await queries.insert_mail(tx, mail, now)
    await timers.start(tx, TIMER, mail.id, now)
