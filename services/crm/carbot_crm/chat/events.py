"""What becomes of conversations when something else happens."""

from carbot_contracts.crm import LeadChanged
from carbot_core.consume import Envelope
from carbot_core.db import Tx
from carbot_crm.chat import actions


async def keep_letters(tx: Tx, event: LeadChanged, envelope: Envelope) -> None:
    """Keep what was written before a lead became a customer."""
    if event.status == "converted":
        await actions.keep_as_letter(tx, event.lead_id, now=envelope.occurred_at)
