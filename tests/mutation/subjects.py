"""What is mutated, and which tests must notice: the quickest first, since the first failure decides."""

from typing import Final

_CORE: Final = "tests/libs/core"
_EVENTS: Final = tuple(
    f"{_CORE}/events/test_{name}.py" for name in ("effect", "relay", "poison", "recovery", "outage", "maintain")
)
_DATABASE: Final = (
    f"{_CORE}/db",
    f"{_CORE}/web/test_transactions.py",
    f"{_CORE}/web/test_consistency.py",
    f"{_CORE}/database/test_pool.py",
)
_TOKENS: Final = (f"{_CORE}/auth/test_tokens.py", "tests/contract/test_hostile_tokens.py")
_GUESTS: Final = (f"{_CORE}/web/test_guards.py", "tests/services/crm/leads/test_leads.py")

TESTS: Final[dict[str, tuple[str, ...]]] = {
    "db.py": _DATABASE,
    "reading.py": (f"{_CORE}/db", "tests/services/crm/leads/test_leads.py"),
    "outbox.py": _EVENTS,
    "outbox_lanes.py": (*_EVENTS, "tests/services/compliance/audit"),
    "inbox.py": _EVENTS,
    "relay.py": (*_EVENTS, "tests/services/compliance/audit"),
    "consume.py": _EVENTS,
    "auth/guards.py": (
        f"{_CORE}/auth/test_tokens.py",
        f"{_CORE}/web/test_guards.py",
        "tests/contract/test_hostile_tokens.py",
    ),
    "auth/guests.py": _GUESTS,
    "auth/keys.py": (f"{_CORE}/auth/test_keys.py",),
    "auth/principal.py": (*_TOKENS, f"{_CORE}/web/test_guards.py"),
    "auth/revocations.py": (f"{_CORE}/auth/test_revocations.py", f"{_CORE}/web/test_guards.py"),
    "auth/tokens.py": _TOKENS,
    "web/idempotency.py": (f"{_CORE}/web/test_idempotency.py",),
    "fields.py": (f"{_CORE}/units/test_fields.py",),
}
"""By module of carbot_core. Money is in fields."""
