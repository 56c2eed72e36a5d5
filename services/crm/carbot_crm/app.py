"""What crm consists of."""

from pathlib import Path

from carbot_core import directory
from carbot_core.service import Service
from carbot_crm.leads import queries as leads
from carbot_crm.leads.routes import LEADS, PUBLIC_LEADS

ROUTERS = (LEADS, PUBLIC_LEADS)
CONSUMERS = (directory.consumer("crm", publishable_keys=True),)
ANNOUNCERS = {"lead": leads.list_lead_states}

SERVICE = Service(
    name="crm",
    folder=Path(__file__).parent,
    routers=ROUTERS,
    consumers=CONSUMERS,
    announcers=ANNOUNCERS,
)
