"""Who may do what: the scopes, the roles that hold them, and the only routes that ask for none."""

from typing import Final

from carbot_contracts.tenancy import Role

ORGANIZATION_READ: Final = "tenancy.organization:read"
ORGANIZATION_CLOSE: Final = "tenancy.organization:close"
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
SUBSCRIPTION_READ: Final = "billing.subscription:read"
AUDIT_READ: Final = "compliance.audit:read"

_EVERYONE = frozenset({ORGANIZATION_READ, WORKSHOPS_READ, SESSION})
_LEADS = frozenset({LEADS_READ, LEADS_WRITE})
_ADMIN = (
    _EVERYONE
    | _LEADS
    | {WORKSHOPS_WRITE, MEMBERS_READ, MEMBERS_WRITE, API_KEYS_READ, API_KEYS_WRITE, MAILS_READ}
    | {SUBSCRIPTION_READ, AUDIT_READ}
)

SCOPES_WHILE_CLOSING: Final = frozenset({ORGANIZATION_READ, ORGANIZATION_CLOSE, SESSION})
"""What an owner may do whose organisation is being closed: look at it, and change one's mind."""

ROLE_SCOPES: Final[dict[Role, frozenset[str]]] = {
    "owner": _ADMIN | {ORGANIZATION_CLOSE},
    "admin": _ADMIN,
    "manager": _EVERYONE | _LEADS | {MEMBERS_READ},
    "service_advisor": _EVERYONE | _LEADS | {MEMBERS_READ},
    "technician": _EVERYONE | {LEADS_READ},
    "accountant": _EVERYONE | {SUBSCRIPTION_READ},
    "data_protection_officer": _EVERYONE | {LEADS_READ, MEMBERS_READ, AUDIT_READ},
    "viewer": _EVERYONE | {LEADS_READ},
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
        "POST /api/tenancy/v1/auth/password-reset",
        "POST /api/tenancy/v1/auth/password-reset/confirm",
        "POST /api/tenancy/v1/auth/email/confirm",
        "POST /api/tenancy/v1/invitations/accept",
        "GET /api/billing/v1/plans",
        "POST /api/crm/v1/public/leads",
    },
)
"""The one list of routes without a scope. An app refuses to start with a route that has neither, and a test holds this list."""
