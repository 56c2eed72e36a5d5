"""What crm consists of."""

from pathlib import Path
from typing import Any

from carbot_contracts.crm import ChatMessageAdded, ChatSessionChanged, ConsentChanged, LeadChanged, VehicleDue
from carbot_contracts.tenancy import LocationChanged
from carbot_core import directory
from carbot_core.consume import Consumer
from carbot_core.crypto import Vault
from carbot_core.service import Runtime, Service
from carbot_crm.assignment_rules.routes import ASSIGNMENT_RULES
from carbot_crm.canned_answers.routes import CANNED_ANSWERS
from carbot_crm.chat.actions import REPLY
from carbot_crm.chat.events import keep_letters
from carbot_crm.chat.jobs import FORGET_CHATS
from carbot_crm.chat.routes import PUBLIC_CHAT
from carbot_crm.communications.events import remind, send_due_message
from carbot_crm.communications.models import TIMER as COMMUNICATION
from carbot_crm.communications.routes import COMMUNICATIONS, PUBLIC_UNSUBSCRIBE
from carbot_crm.consents.events import project_consent
from carbot_crm.consents.routes import CONSENTS
from carbot_crm.customers import queries as customers
from carbot_crm.customers.routes import CUSTOMERS
from carbot_crm.dashboard.routes import DASHBOARD
from carbot_crm.due.jobs import ANNOUNCE_DUE
from carbot_crm.due.routes import DUE_RULES, DUE_VEHICLES, WORKS
from carbot_crm.duplicates.jobs import FIND_PAIRS
from carbot_crm.duplicates.routes import DUPLICATES, DUPLICATES_OF_CUSTOMER
from carbot_crm.faqs.routes import FAQS, PUBLIC_FAQS
from carbot_crm.follow_ups.events import remind as remind_of_follow_up
from carbot_crm.follow_ups.models import TIMER as FOLLOW_UP
from carbot_crm.follow_ups.routes import FOLLOW_UPS, FOLLOW_UPS_OF_LEAD
from carbot_crm.imports.events import work_off
from carbot_crm.imports.jobs import FORGET_ROWS
from carbot_crm.imports.models import TIMER as IMPORT
from carbot_crm.imports.routes import IMPORTS
from carbot_crm.inbox.routes import INBOX
from carbot_crm.keys import Keys
from carbot_crm.landing_pages.routes import LANDING_PAGES, PUBLIC_LANDING_PAGES
from carbot_crm.lead_scoring.actions import RESCORING
from carbot_crm.lead_scoring.events import rescore
from carbot_crm.lead_scoring.routes import LEAD_SCORING, SCORES
from carbot_crm.leads import queries as leads
from carbot_crm.leads.routes import LEADS, PUBLIC_LEADS
from carbot_crm.locations.events import project_location
from carbot_crm.merges.routes import MERGES, MERGES_OF_CUSTOMER
from carbot_crm.responder.events import answer_visitor
from carbot_crm.search.routes import SEARCH
from carbot_crm.settings import Settings
from carbot_crm.templates.routes import TEMPLATE_VERSIONS, TEMPLATES
from carbot_crm.timelines.routes import CUSTOMER_TIMELINE, VEHICLE_TIMELINE
from carbot_crm.trainings.events import train
from carbot_crm.trainings.models import TIMER as TRAINING
from carbot_crm.trainings.routes import TRAININGS
from carbot_crm.vehicles import queries as vehicles
from carbot_crm.vehicles.routes import VEHICLES, VEHICLES_OF_CUSTOMER
from carbot_crm.webhooks import events as webhooks
from carbot_crm.webhooks.jobs import FORGET_DELIVERIES
from carbot_crm.webhooks.models import TIMER as WEBHOOK_DELIVERY
from carbot_crm.webhooks.routes import WEBHOOK_DELIVERIES, WEBHOOKS

ROUTERS = (
    LEADS,
    PUBLIC_LEADS,
    SCORES,
    FOLLOW_UPS_OF_LEAD,
    FOLLOW_UPS,
    ASSIGNMENT_RULES,
    LEAD_SCORING,
    TRAININGS,
    DASHBOARD,
    CUSTOMERS,
    VEHICLES_OF_CUSTOMER,
    DUPLICATES_OF_CUSTOMER,
    DUPLICATES,
    MERGES_OF_CUSTOMER,
    MERGES,
    CUSTOMER_TIMELINE,
    VEHICLES,
    VEHICLE_TIMELINE,
    DUE_VEHICLES,
    WORKS,
    DUE_RULES,
    SEARCH,
    PUBLIC_CHAT,
    INBOX,
    CANNED_ANSWERS,
    FAQS,
    PUBLIC_FAQS,
    LANDING_PAGES,
    PUBLIC_LANDING_PAGES,
    COMMUNICATIONS,
    PUBLIC_UNSUBSCRIBE,
    CONSENTS,
    TEMPLATES,
    TEMPLATE_VERSIONS,
    WEBHOOKS,
    WEBHOOK_DELIVERIES,
    IMPORTS,
)
CONSUMERS = (
    directory.consumer("crm", publishable_keys=True),
    Consumer("crm", "locations", "TENANCY", {LocationChanged: project_location}),
    Consumer("crm", "letters", "CRM", {LeadChanged: keep_letters}),
    Consumer("crm", "consents", "CRM", {ConsentChanged: project_consent}),
    Consumer("crm", "reminders", "CRM", {VehicleDue: remind}),
    Consumer("crm", "webhooks", "CRM", dict.fromkeys(webhooks.TYPES, webhooks.tell)),
)
TIMERS = {
    RESCORING: rescore,
    TRAINING: train,
    REPLY: answer_visitor,
    IMPORT: work_off,
    COMMUNICATION: send_due_message,
    FOLLOW_UP: remind_of_follow_up,
    WEBHOOK_DELIVERY: webhooks.send_due_delivery,
}
JOBS = (ANNOUNCE_DUE, FIND_PAIRS, FORGET_CHATS, FORGET_ROWS, FORGET_DELIVERIES)
ANNOUNCERS = {
    "lead": leads.list_lead_states,
    "customer": customers.list_customer_states,
    "vehicle": vehicles.list_vehicle_states,
}


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
    jobs=JOBS,
    announcers=ANNOUNCERS,
    state=state,
    followed=(ChatMessageAdded, ChatSessionChanged),
)
