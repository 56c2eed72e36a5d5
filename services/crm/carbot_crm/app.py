"""What crm consists of."""

from pathlib import Path

from carbot_core import directory
from carbot_core.service import Service
from carbot_crm.customers import queries as customers
from carbot_crm.customers.routes import CUSTOMERS
from carbot_crm.dashboard.routes import DASHBOARD
from carbot_crm.due.jobs import ANNOUNCE_DUE
from carbot_crm.due.routes import DUE_RULES, DUE_VEHICLES, WORKS
from carbot_crm.duplicates.jobs import FIND_PAIRS
from carbot_crm.duplicates.routes import DUPLICATES, DUPLICATES_OF_CUSTOMER
from carbot_crm.lead_scoring.actions import RESCORING
from carbot_crm.lead_scoring.events import rescore
from carbot_crm.lead_scoring.routes import LEAD_SCORING, SCORES
from carbot_crm.leads import queries as leads
from carbot_crm.leads.routes import LEADS, PUBLIC_LEADS
from carbot_crm.merges.routes import MERGES, MERGES_OF_CUSTOMER
from carbot_crm.search.routes import SEARCH
from carbot_crm.vehicles import queries as vehicles
from carbot_crm.vehicles.routes import VEHICLES, VEHICLES_OF_CUSTOMER

ROUTERS = (
    LEADS,
    PUBLIC_LEADS,
    SCORES,
    LEAD_SCORING,
    CUSTOMERS,
    VEHICLES_OF_CUSTOMER,
    VEHICLES,
    DUE_VEHICLES,
    WORKS,
    DUE_RULES,
    SEARCH,
    DASHBOARD,
    DUPLICATES,
    DUPLICATES_OF_CUSTOMER,
    MERGES,
    MERGES_OF_CUSTOMER,
)
CONSUMERS = (directory.consumer("crm", publishable_keys=True),)
TIMERS = {RESCORING: rescore}
JOBS = (ANNOUNCE_DUE, FIND_PAIRS)
ANNOUNCERS = {
    "lead": leads.list_lead_states,
    "customer": customers.list_customer_states,
    "vehicle": vehicles.list_vehicle_states,
}

SERVICE = Service(
    name="crm",
    folder=Path(__file__).parent,
    routers=ROUTERS,
    consumers=CONSUMERS,
    timers=TIMERS,
    jobs=JOBS,
    announcers=ANNOUNCERS,
)
