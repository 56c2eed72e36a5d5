"""Identifiers: UUID version 7 (RFC 9562), made by the application, so that keys grow with time."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Return a new UUIDv7; ids of one process only grow."""
    return uuid_utils.compat.uuid7()
