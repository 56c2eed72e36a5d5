"""Owners in SQL."""

import msgspec

from carbot_core.db import Tx
from carbot_tenancy.fields import Locale


class Owner(msgspec.Struct, frozen=True):
    """Where to write to an owner, and in which language."""

    email: str
    locale: Locale


async def list_owners(tx: Tx) -> list[Owner]:
    """List the active owners of the organisation."""
    return await tx.all(
        Owner,
        """
        SELECT u.email, u.locale
        FROM tenancy.workshop_users m
        JOIN tenancy.users u ON u.id = m.user_id
        WHERE m.organization_id = $1 AND m.role = 'owner' AND m.is_active
        """,
        tx.organization_id,
    )
