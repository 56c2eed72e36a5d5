"""For whom a transaction runs: what row security, the audit trail and the traces read from its settings."""

import re
from typing import Literal
from uuid import UUID

import msgspec

type Actor = Literal["user", "api_key", "guest", "system"]

SETTINGS = (
    "carbot.organization",
    "carbot.user",
    "carbot.actor",
    "carbot.workshops",
    "carbot.request",
    "carbot.trace",
)

_TRACE = re.compile(r"[0-9a-f]{32}")


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a transaction runs. No organisation means that every tenant table is empty."""

    organization_id: UUID | None = None
    user_id: UUID | None = None
    workshops: frozenset[UUID] | None = None
    """The workshops whose rows are seen; None for all of the organisation's."""
    actor: Actor = "system"
    actor_id: UUID | None = None
    request_id: UUID | None = None
    trace_id: str | None = None

    def __post_init__(self) -> None:
        ids = (self.organization_id, self.user_id, self.actor_id, self.request_id, *(self.workshops or ()))
        if not all(value is None or isinstance(value, UUID) for value in ids):  # pyright: ignore[reportUnnecessaryIsInstance] - Structs do not check their constructor, and these values are concatenated into SQL
            raise TypeError("a context holds UUIDs")
        if self.trace_id is not None and not _TRACE.fullmatch(self.trace_id):
            raise ValueError("a trace id has 32 hexadecimal digits")
        if self.actor not in {"user", "api_key", "guest", "system"}:
            raise ValueError("there is no such kind of actor")

    def settings(self) -> tuple[str, str, str, str, str, str]:
        """Return what the transaction-local settings are set to, in the order of SETTINGS."""
        workshops = "all" if self.workshops is None else "{" + ",".join(str(w) for w in sorted(self.workshops)) + "}"
        return (
            str(self.organization_id or ""),
            str(self.user_id or ""),
            f"{self.actor}:{self.actor_id or ''}",
            workshops,
            str(self.request_id or ""),
            self.trace_id or "",
        )

    def begin(self, *, read_only: bool, replay: int | None) -> str:
        """Return the SQL that begins the transaction in one round trip.

        The only concatenated SQL of the product: every value is a UUID or hexadecimal, checked above.
        """
        named = zip(SETTINGS, self.settings(), strict=True)
        settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in named)
        position = (
            "" if replay is None else f", core.require_replay('{replay >> 32:X}/{replay & 0xFFFFFFFF:X}'::pg_lsn)"
        )
        return f"BEGIN{' READ ONLY' if read_only else ''}; SELECT {settings}{position}"
