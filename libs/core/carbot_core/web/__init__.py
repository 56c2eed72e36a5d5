"""HTTP as every service speaks it: what routes import."""

from carbot_core.auth.guards import RECENT, requires
from carbot_core.web.dependencies import (
    Begin,
    Caller,
    Db,
    IfMatch,
    Now,
    OpenStreams,
    OptionalIfMatch,
    Origin,
    Settings,
    Tx,
)
from carbot_core.web.pages import Cursor, Keyset, Limit, Page
from carbot_core.web.problems import problems
from carbot_core.web.stale import MAY_BE_STALE

__all__ = [
    "MAY_BE_STALE",
    "RECENT",
    "Begin",
    "Caller",
    "Cursor",
    "Db",
    "IfMatch",
    "Keyset",
    "Limit",
    "Now",
    "OpenStreams",
    "OptionalIfMatch",
    "Origin",
    "Page",
    "Settings",
    "Tx",
    "problems",
    "requires",
]
