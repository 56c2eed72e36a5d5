"""Identifiers: UUID version 7 (RFC 9562), made by the application, so that keys grow with time."""

from uuid import UUID

import uuid_utils.compat

OPERATOR = UUID(int=0)
"""Stands where an organisation stands, for what belongs to none: us who run the product."""


def new_id() -> UUID:
    """Return a new UUIDv7; ids of one process only grow."""
    return uuid_utils.compat.uuid7()
