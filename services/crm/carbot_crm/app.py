"""What crm consists of."""

from pathlib import Path

from carbot_contracts.crm import ChatMessageAdded, ChatSessionChanged, LeadChanged
from carbot_contracts.tenancy import LocationChanged
from carbot_core import directory
from carbot_core.consume import Consumer
from carbot_core.service import Service
from carbot_crm.canned_answers.routes import CANNED_ANSWERS
from carbot_crm.chat.actions import REPLY
from carbot_crm.chat.events import keep_letters
from carbot_crm.chat.jobs import FORGET_CHATS
from carbot_crm.chat.routes import PUBLIC_CHAT
from carbot_crm.faqs.routes import FAQS, PUBLIC_FAQS
from carbot_crm.inbox.routes import INBOX
from carbot_crm.landing_pages.routes import LANDING_PAGES, PUBLIC_LANDING_PAGES
from carbot_crm.leads import queries as leads
from carbot_crm.leads.routes import LEADS, PUBLIC_LEADS
from carbot_crm.locations.events import project_location
from carbot_crm.responder.events import answer_visitor
from carbot_crm.settings import Settings

ROUTERS = (
    LEADS,
    PUBLIC_LEADS,
    PUBLIC_CHAT,
    INBOX,
    CANNED_ANSWERS,
    FAQS,
    PUBLIC_FAQS,
    LANDING_PAGES,
    PUBLIC_LANDING_PAGES,
)
CONSUMERS = (
    directory.consumer("crm", publishable_keys=True),
    Consumer("crm", "locations", "TENANCY", {LocationChanged: project_location}),
    Consumer("crm", "letters", "CRM", {LeadChanged: keep_letters}),
)
TIMERS = {REPLY: answer_visitor}
JOBS = (FORGET_CHATS,)
ANNOUNCERS = {"lead": leads.list_lead_states}

SERVICE = Service(
    name="crm",
    folder=Path(__file__).parent,
    settings=Settings,
    routers=ROUTERS,
    consumers=CONSUMERS,
    timers=TIMERS,
    jobs=JOBS,
    announcers=ANNOUNCERS,
    followed=(ChatMessageAdded, ChatSessionChanged),
)
