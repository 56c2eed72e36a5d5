"""Queueing mails."""

from datetime import datetime
from uuid import UUID

from carbot_core import timers
from carbot_core.db import Tx
from carbot_core.ids import new_id
from carbot_tenancy.fields import Locale
from carbot_tenancy.mails import queries
from carbot_tenancy.mails.models import Mail, Template

TIMER = "mail"


async def queue_mail(tx: Tx, template: Template, recipient: str, *, locale: Locale, about: UUID, now: datetime) -> None:
    """Let the worker write to somebody about a row, once the transaction has committed."""
    mail = Mail(id=new_id(), template=template, recipient=recipient, locale=locale, parameters={"id": str(about)})
    await queries.insert_mail(tx, mail, now)
    await timers.start(tx, TIMER, mail.id, now)
