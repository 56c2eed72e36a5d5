"""What is mutated, and which tests must notice: the quickest first, since the first failure decides."""

from typing import Final

_CORE: Final = "tests/libs/core"


def _of(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{_CORE}/{folder}/test_{name}.py" for name in names)


_EVENTS: Final = _of("events", "settling", "effect", "relay", "poison", "housekeeping", "recovery", "outage")
_SEALED: Final = ("tests/services/compliance/audit",)
_TOKENS: Final = (*_of("auth", "tokens"), "tests/contract/test_hostile_tokens.py")

TESTS: Final[dict[str, tuple[str, ...]]] = {
    "db.py": (
        *_of("db", "lost_answers", "position", "context", "connections", "tx", "reading", "statements"),
        *_of("web", "transactions", "consistency", "outages"),
        *_of("database", "pool"),
    ),
    "context.py": _of("db", "context", "connections", "tx"),
    "reading.py": (*_of("db", "reading"), "tests/services/crm/leads"),
    "outbox.py": _EVENTS,
    "outbox_lanes.py": (*_EVENTS, *_SEALED),
    "inbox.py": _EVENTS,
    "relay.py": (*_EVENTS, *_SEALED),
    "consume.py": _EVENTS,
    "auth/guards.py": (*_of("auth", "guards"), *_of("web", "guards"), *_TOKENS, *_of("auth", "revocations")),
    "auth/guests.py": (*_of("auth", "guests"), *_of("web", "guards"), "tests/services/crm/leads"),
    "auth/keys.py": _of("auth", "keys"),
    "auth/principal.py": (*_of("auth", "principal"), *_TOKENS),
    "auth/revocations.py": (*_of("auth", "revocations"), *_of("events", "housekeeping"), *_of("web", "guards")),
    "auth/tokens.py": _TOKENS,
    "web/idempotency.py": _of("web", "idempotency"),
    "fields.py": _of("units", "fields"),
}
"""By module of carbot_core. Money is in fields."""
