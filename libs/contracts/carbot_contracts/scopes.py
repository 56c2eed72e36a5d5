"""Who may do what: the scopes, the roles that hold them, and the only routes that ask for none."""

from typing import Final

from carbot_contracts.tenancy import Role

ORGANIZATION_READ: Final = "tenancy.organization:read"
ORGANIZATION_WRITE: Final = "tenancy.organization:write"
ORGANIZATION_CLOSE: Final = "tenancy.organization:close"
OWNERSHIP_TRANSFER: Final = "tenancy.ownership:transfer"
WORKSHOPS_READ: Final = "tenancy.workshops:read"
WORKSHOPS_WRITE: Final = "tenancy.workshops:write"
MEMBERS_READ: Final = "tenancy.members:read"
MEMBERS_WRITE: Final = "tenancy.members:write"
API_KEYS_READ: Final = "tenancy.api_keys:read"
API_KEYS_WRITE: Final = "tenancy.api_keys:write"
MAILS_READ: Final = "tenancy.mails:read"
SESSION: Final = "tenancy.session:own"
LEADS_READ: Final = "crm.leads:read"
LEADS_WRITE: Final = "crm.leads:write"
FOLLOW_UPS_READ: Final = "crm.follow_ups:read"
FOLLOW_UPS_WRITE: Final = "crm.follow_ups:write"
ASSIGNMENT_RULES_READ: Final = "crm.assignment_rules:read"
ASSIGNMENT_RULES_WRITE: Final = "crm.assignment_rules:write"
CUSTOMERS_READ: Final = "crm.customers:read"
CUSTOMERS_WRITE: Final = "crm.customers:write"
VEHICLES_READ: Final = "crm.vehicles:read"
VEHICLES_WRITE: Final = "crm.vehicles:write"
SCORING_WRITE: Final = "crm.scoring:write"
CHAT_READ: Final = "crm.chat:read"
CHAT_WRITE: Final = "crm.chat:write"
COMMUNICATIONS_READ: Final = "crm.communications:read"
COMMUNICATIONS_WRITE: Final = "crm.communications:write"
CONTENT_READ: Final = "crm.content:read"
CONTENT_WRITE: Final = "crm.content:write"
WEBHOOKS_READ: Final = "crm.webhooks:read"
WEBHOOKS_WRITE: Final = "crm.webhooks:write"
IMPORTS_READ: Final = "crm.imports:read"
IMPORTS_WRITE: Final = "crm.imports:write"
SUBSCRIPTION_READ: Final = "billing.subscription:read"
AUDIT_READ: Final = "compliance.audit:read"

_EVERYONE = frozenset({ORGANIZATION_READ, WORKSHOPS_READ, SESSION})
_CRM_READ = frozenset(
    {LEADS_READ, FOLLOW_UPS_READ, CUSTOMERS_READ, VEHICLES_READ, CHAT_READ, COMMUNICATIONS_READ, CONTENT_READ}
)
_ADVISOR = (
    _EVERYONE
    | _CRM_READ
    | {LEADS_WRITE, FOLLOW_UPS_WRITE, CUSTOMERS_WRITE, VEHICLES_WRITE, CHAT_WRITE, COMMUNICATIONS_WRITE, MEMBERS_READ}
)
_MANAGER = _ADVISOR | {
    CONTENT_WRITE,
    SCORING_WRITE,
    ASSIGNMENT_RULES_READ,
    ASSIGNMENT_RULES_WRITE,
    IMPORTS_READ,
    IMPORTS_WRITE,
}
_ADMIN = (
    _MANAGER
    | {ORGANIZATION_WRITE, WORKSHOPS_WRITE, MEMBERS_WRITE, API_KEYS_READ, API_KEYS_WRITE, MAILS_READ}
    | {SUBSCRIPTION_READ, AUDIT_READ, WEBHOOKS_READ, WEBHOOKS_WRITE}
)

SCOPES_WHILE_CLOSING: Final = frozenset({ORGANIZATION_READ, ORGANIZATION_CLOSE, SESSION})
"""What an owner may do whose organisation is being closed: look at it, and change one's mind."""

ROLE_SCOPES: Final[dict[Role, frozenset[str]]] = {
    "owner": _ADMIN | {ORGANIZATION_CLOSE, OWNERSHIP_TRANSFER},
    "admin": _ADMIN,
    "manager": _MANAGER,
    "service_advisor": _ADVISOR,
    "technician": _EVERYONE | {LEADS_READ, FOLLOW_UPS_READ, CUSTOMERS_READ, VEHICLES_READ, VEHICLES_WRITE},
    "accountant": _EVERYONE | {SUBSCRIPTION_READ, CUSTOMERS_READ},
    "data_protection_officer": _EVERYONE | _CRM_READ | {MEMBERS_READ, AUDIT_READ},
    "viewer": _EVERYONE | {LEADS_READ, FOLLOW_UPS_READ, CUSTOMERS_READ, VEHICLES_READ, CONTENT_READ},
}

SCOPES: Final = frozenset[str]().union(*ROLE_SCOPES.values())

PUBLIC_ROUTES: Final = frozenset(
    {
        "GET /.well-known/jwks.json",
        "GET /docs",
        "GET /api/tenancy/v1/openapi.json",
        "GET /api/crm/v1/openapi.json",
        "GET /api/billing/v1/openapi.json",
        "GET /api/compliance/v1/openapi.json",
        "POST /api/tenancy/v1/organizations",
        "POST /api/tenancy/v1/auth/verify-email",
        "POST /api/tenancy/v1/auth/login",
        "POST /api/tenancy/v1/auth/refresh",
        "POST /api/tenancy/v1/oauth/token",
        "POST /api/tenancy/v1/auth/password-reset",
        "POST /api/tenancy/v1/auth/password-reset/confirm",
        "POST /api/tenancy/v1/auth/email/confirm",
        "POST /api/tenancy/v1/invitations/accept",
        "GET /api/billing/v1/plans",
        "POST /api/crm/v1/public/leads",
        "GET /api/crm/v1/public/unsubscribe",
        "POST /api/crm/v1/public/unsubscribe",
        "POST /api/crm/v1/public/chat/sessions",
        "GET /api/crm/v1/public/chat/messages",
        "POST /api/crm/v1/public/chat/messages",
        "POST /api/crm/v1/public/chat/stream-tickets",
        "GET /api/crm/v1/public/chat/stream",
        "GET /api/crm/v1/inbox/stream",
        "GET /api/crm/v1/public/faqs",
        "GET /api/crm/v1/public/landing-pages",
    },
)
"""The one list of routes without a scope. An app refuses to start with a route that has neither, and a test holds this list."""
