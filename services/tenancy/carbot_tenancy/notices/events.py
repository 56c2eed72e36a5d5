"""What other services' events make tenancy tell owners."""

from carbot_contracts.crm import WebhookDisabled
from carbot_core.consume import Envelope
from carbot_core.db import Tx
from carbot_tenancy.mails.actions import queue_mail
from carbot_tenancy.notices import queries


async def tell_of_disabled_webhook(tx: Tx, event: WebhookDisabled, envelope: Envelope) -> None:
    """Write to each active owner."""
    for owner in await queries.list_owners(tx):
        await queue_mail(
            tx,
            "webhook_disabled",
            owner.email,
            locale=owner.locale,
            about=event.webhook_id,
            now=envelope.occurred_at,
        )
