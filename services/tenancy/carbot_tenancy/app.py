"""What tenancy consists of."""

from pathlib import Path
from typing import Any

from carbot_contracts.billing import SubscriptionChanged
from carbot_contracts.crm import WebhookDisabled
from carbot_contracts.tenancy import AccessRevoked
from carbot_core.auth import revocations
from carbot_core.consume import Consumer
from carbot_core.crypto import Vault
from carbot_core.service import Runtime, Service
from carbot_tenancy.accounts.routes import ACCOUNTS
from carbot_tenancy.api_keys.actions import announce_api_keys
from carbot_tenancy.api_keys.routes import API_KEYS
from carbot_tenancy.auth.jobs import FORGET
from carbot_tenancy.auth.routes import AUTH
from carbot_tenancy.docs.routes import read_docs
from carbot_tenancy.invitations.routes import INVITATIONS
from carbot_tenancy.locations.actions import announce_locations
from carbot_tenancy.locations.routes import LOCATIONS
from carbot_tenancy.mails.actions import TIMER as MAIL
from carbot_tenancy.mails.events import send_due_mail
from carbot_tenancy.mails.jobs import FORGET_MAILS
from carbot_tenancy.mails.routes import MAILS
from carbot_tenancy.members.actions import announce_memberships
from carbot_tenancy.members.routes import MEMBERS
from carbot_tenancy.notices.events import tell_of_disabled_webhook
from carbot_tenancy.oauth.routes import OAUTH
from carbot_tenancy.organizations.actions import ERASURE, announce_organizations
from carbot_tenancy.organizations.commands import RESUME, SUSPEND
from carbot_tenancy.organizations.events import erase_due_organization, follow_subscription
from carbot_tenancy.organizations.routes import ORGANIZATIONS
from carbot_tenancy.passwords import Passwords
from carbot_tenancy.pulse import beat
from carbot_tenancy.registrations.actions import EXPIRY_TIMER
from carbot_tenancy.registrations.events import expire_registration
from carbot_tenancy.registrations.routes import REGISTRATIONS
from carbot_tenancy.second_factors.routes import SECOND_FACTORS
from carbot_tenancy.sessions.routes import SESSIONS
from carbot_tenancy.settings import Settings
from carbot_tenancy.signing_keys.commands import ROTATE_KEYS
from carbot_tenancy.signing_keys.jobs import ROTATE_OLD_KEYS
from carbot_tenancy.signing_keys.keyring import KeyRing
from carbot_tenancy.signing_keys.routes import read_key_set
from carbot_tenancy.workshops.actions import announce_workshops
from carbot_tenancy.workshops.routes import WORKSHOPS

ROUTERS = (
    REGISTRATIONS,
    AUTH,
    SESSIONS,
    ACCOUNTS,
    SECOND_FACTORS,
    ORGANIZATIONS,
    WORKSHOPS,
    LOCATIONS,
    MEMBERS,
    INVITATIONS,
    API_KEYS,
    OAUTH,
    MAILS,
    read_key_set,
    read_docs,
)
CONSUMERS = (
    Consumer("tenancy", "revocations", "TENANCY", {AccessRevoked: revocations.record}),
    Consumer("tenancy", "subscriptions", "BILLING", {SubscriptionChanged: follow_subscription}),
    Consumer("tenancy", "notices", "CRM", {WebhookDisabled: tell_of_disabled_webhook}),
)
TIMERS = {MAIL: send_due_mail, EXPIRY_TIMER: expire_registration, ERASURE: erase_due_organization}
JOBS = (FORGET, FORGET_MAILS, ROTATE_OLD_KEYS)
ANNOUNCERS = {
    "organization": announce_organizations,
    "workshop": announce_workshops,
    "location": announce_locations,
    "membership": announce_memberships,
    "api_key": announce_api_keys,
}


def state(runtime: Runtime) -> dict[str, Any]:
    """Return what the routes need beside the database."""
    vault = Vault.from_base64(runtime.settings.key_encryption_key)
    return {
        "passwords": Passwords(),
        "vault": vault,
        "keyring": KeyRing(runtime.database, vault, runtime.settings.issuer),
    }


SERVICE = Service(
    name="tenancy",
    folder=Path(__file__).parent,
    settings=Settings,
    routers=ROUTERS,
    consumers=CONSUMERS,
    timers=TIMERS,
    jobs=JOBS,
    announcers=ANNOUNCERS,
    state=state,
    background={"pulse": beat},
    commands=(ROTATE_KEYS, SUSPEND, RESUME),
)
