"""Keeping the projection by events, whoever proves consents."""

from carbot_contracts.crm import ConsentChanged
from carbot_core.consume import Envelope
from carbot_core.db import Tx
from carbot_crm.consents import actions


async def project_consent(tx: Tx, event: ConsentChanged, envelope: Envelope) -> None:
    """Let what a customer said count."""
    await actions.apply_consent(tx, event, envelope.version, envelope.occurred_at)
