"""What crm consists of."""

from pathlib import Path
from typing import Any

from carbot_contracts.crm import ConsentChanged, VehicleDue
from carbot_core import directory
from carbot_core.consume import Consumer
from carbot_core.crypto import Vault
from carbot_core.service import Runtime, Service
from carbot_crm.communications.events import remind, send_due_message
from carbot_crm.communications.models import TIMER as COMMUNICATION
from carbot_crm.communications.routes import COMMUNICATIONS, PUBLIC_UNSUBSCRIBE
from carbot_crm.consents.events import project_consent
from carbot_crm.consents.routes import CONSENTS
from carbot_crm.keys import Keys
from carbot_crm.leads import queries as leads
from carbot_crm.leads.routes import LEADS, PUBLIC_LEADS
from carbot_crm.settings import Settings
from carbot_crm.templates.routes import TEMPLATE_VERSIONS, TEMPLATES

ROUTERS = (
    LEADS,
    PUBLIC_LEADS,
    COMMUNICATIONS,
    PUBLIC_UNSUBSCRIBE,
    CONSENTS,
    TEMPLATES,
    TEMPLATE_VERSIONS,
)
CONSUMERS = (
    directory.consumer("crm", publishable_keys=True),
    Consumer("crm", "consents", "CRM", {ConsentChanged: project_consent}),
    Consumer("crm", "reminders", "CRM", {VehicleDue: remind}),
)
TIMERS = {COMMUNICATION: send_due_message}
ANNOUNCERS = {"lead": leads.list_lead_states}


def state(runtime: Runtime) -> dict[str, Any]:
    """Return what the routes need beside the database."""
    key = runtime.settings.key_encryption_key
    return {"derived_keys": Keys(key), "vault": Vault.from_base64(key)}


SERVICE = Service(
    name="crm",
    folder=Path(__file__).parent,
    settings=Settings,
    routers=ROUTERS,
    consumers=CONSUMERS,
    timers=TIMERS,
    announcers=ANNOUNCERS,
    state=state,
)
