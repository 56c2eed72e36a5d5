"""What becomes of locations that tenancy changes."""

from carbot_contracts.tenancy import LocationChanged
from carbot_core.consume import Envelope
from carbot_core.db import Tx
from carbot_crm.locations import queries


async def project_location(tx: Tx, event: LocationChanged, envelope: Envelope) -> None:
    """Take over the location's state."""
    await queries.save_location(tx, event, envelope.version)
