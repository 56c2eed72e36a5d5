"""What the catalogue rules know of the tables: which hold no tenant's rows, and every exception with its reason."""

from typing import Final

from carbot_local import layout

SERVICES: Final = tuple(layout.SERVICES)
SCHEMAS: Final = ("core", *SERVICES)

INNER: Final = frozenset(
    {
        "outbox",
        "audit_outbox",
        "idempotency_keys",
        "inbox",
        "dead_letters",
        "timers",
        "jobs",
        "revocations",
        "tenants",
        "schema_migrations",
    }
)
"""In every schema: read across organisations, so under no row security."""

PROJECTIONS: Final = frozenset({"organizations", "workshops", "members", "publishable_keys", "workshop_locations"})
"""Tenancy's state as the others keep it: the record of its changes is tenancy's."""

GLOBAL: Final = {
    "core.schema_migrations": "the migrations of the core schema",
    "tenancy.registrations": "before an organisation exists",
    "tenancy.users": "one person may belong to several organisations",
    "tenancy.user_tokens": "belong to a registration",
    "tenancy.account_tokens": "belong to a user",
    "tenancy.second_factors": "belong to a user",
    "tenancy.recovery_codes": "belong to a user",
    "tenancy.sign_in_attempts": "counted before anybody is known",
    "tenancy.signing_keys": "the operator's",
    "tenancy.mail_counts": "counted over all organisations",
    "tenancy.sessions": "belong to a user, and are met before the organisation is",
    "billing.subscription_plans": "what is for sale",
}
"""Tables without a tenant, beside the inner ones."""

UNIQUE_OVER_ALL: Final = {
    "tenancy.organizations.organizations_slug": "a slug names an organisation to the world",
}
"""Keys of tenant tables that do not begin with the organisation."""

FOREIGN_KEYS_TO_GLOBAL: Final = {
    "tenancy.workshop_users.workshop_users_user": "users are global",
    "billing.subscriptions.subscriptions_plan": "plans are global",
}
"""Foreign keys of tenant tables that do not begin with the organisation."""

INDEXES_OVER_ALL: Final = {
    "billing.subscriptions.subscriptions_of_plan": "behind the foreign key to the global plans",
    "tenancy.workshops.idx_workshops_location_german_cities": "the operator's queries over all organisations",
    "tenancy.workshop_users.workshop_users_of_user": "a user's own memberships, at sign-in",
}
"""Indexes of tenant tables that do not begin with the organisation."""

FURTHER_POLICIES: Final = {
    "tenancy.workshop_users.own_memberships": "users see their own memberships before they choose an organisation",
}
"""Permissive policies beside the organisation's: each widens what is seen."""

UNRESTRICTED_BELOW_WORKSHOP: Final[dict[str, str]] = {}
"""Tenant tables with a workshop_id that members of other workshops may see all the same."""

UNAUDITED: Final = {
    "tenancy.registrations": "an intention, gone within a day",
    "tenancy.user_tokens": "made and spent by machines",
    "tenancy.account_tokens": "made and spent by machines",
    "tenancy.sign_in_attempts": "a counter",
    "tenancy.mail_counts": "a counter",
    "tenancy.signing_keys": "made and retired by the worker",
    "tenancy.sessions": "changes with every refresh",
    "tenancy.mails": "the row that caused it has one",
    "crm.consents": "a projection of the records, which have one",
    "crm.lead_scoring_history": "only ever added to, and the leads have one",
    "crm.import_files": "gone as soon as it was read",
    "crm.import_rows": "what they change has one",
    "crm.webhook_deliveries": "are their own trail",
    "compliance.audit_logs": "is the trail itself",
    "crm.chat_messages": "insert-only, and gone with their conversation",
    "crm.stream_tickets": "made and spent by machines",
    "core.schema_migrations": "written by the migration runner",
}
"""Business tables without audit triggers."""

FLOATS: Final = {
    "crm.scoring_trainings.quality": "an area, from 0 to 1",
    "tenancy.workshops.latitude": "degrees",
    "tenancy.workshops.longitude": "degrees",
    "tenancy.workshop_locations.latitude": "degrees",
    "tenancy.workshop_locations.longitude": "degrees",
}
"""Columns that may be a binary fraction: nothing that is counted in money."""

LEAKPROOF: Final = {
    "public.similarity_op(text,text)",
    "public.word_similarity_op(text,text)",
    "public.word_similarity_commutator_op(text,text)",
    "pg_catalog.textlike(text,text)",
    "pg_catalog.texticlike(text,text)",
}
"""Functions that bootstrap.sql marks, and no others (.github/decisions/0002-leakproof-marks.md)."""

ROLE_SETTINGS: Final = {
    "migrate": {"lock_timeout": "2s"},
    "api": {"statement_timeout": "5s", "lock_timeout": "500ms", "idle_in_transaction_session_timeout": "10s"},
    "worker": {"statement_timeout": "30s", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "10s"},
}
"""What each kind of login role has beside search_path, timezone and jit."""


def settings_of(service: str, kind: str) -> set[str]:
    """Return the settings of a role as the catalogue writes them."""
    common = {"search_path": f"{service}, core, public", "TimeZone": "UTC", "jit": "off"}
    return {f"{name}={value}" for name, value in {**common, **ROLE_SETTINGS[kind]}.items()}


def is_tenant(table: str) -> bool:
    """Tell whether a table `schema.name` holds tenants' rows; whoever adds another kind lists it above."""
    schema, _, name = table.partition(".")
    return schema in SERVICES and name not in INNER and table not in GLOBAL


def is_audited(table: str) -> bool:
    """Tell whether changes of the table's rows must be recorded."""
    schema, _, name = table.partition(".")
    projected = schema != "tenancy" and name in PROJECTIONS
    return schema in SERVICES and name not in INNER and not projected and table not in UNAUDITED
