"""What is left of an organisation when its thirty days are over: its row, its workshops and its trail, and nobody's name."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_tenancy.api_keys import actions as api_keys
from carbot_tenancy.invitations.queries import delete_invitations
from carbot_tenancy.mails.queries import delete_mails
from carbot_tenancy.members import actions as members
from carbot_tenancy.members import queries as memberships
from carbot_tenancy.organizations import actions, queries
from carbot_tenancy.organizations.models import StoredOrganization
from carbot_tenancy.sessions.actions import revoke_access
from carbot_tenancy.sessions.queries import delete_sessions_of_organization
from carbot_tenancy.users import queries as users


async def erase_organization(tx: Tx, now: datetime) -> StoredOrganization | None:
    """End an organisation that has been closing for so long; return how it is now, whether that was to be done or not."""
    organization = await queries.lock_organization(tx)
    if organization is None or organization.status != "closing":
        return organization
    due_at = actions.erasure_due_at(organization)
    if due_at is None or due_at > now:
        return organization
    erased = await actions.move(tx, organization, queries.mark_erased, now, erased_at=now)
    await revoke_access(tx, "organization", erased.id, not_before=now, reason="erased")
    await members.end_memberships(tx, now)
    await api_keys.revoke_api_keys(tx, now)
    await delete_sessions_of_organization(tx)
    await delete_invitations(tx)
    await delete_mails(tx)
    return erased


async def erase_user(tx: Tx, user_id: UUID, now: datetime) -> None:
    """Take name, address and credentials from a user who has a place in no organisation; the context has the user alone.

    Also an ended membership is a place: the organisation may bring it back, and its trail needs the name. Whoever joins one at
    this moment waits for the lock.
    """
    if await users.lock_user(tx, user_id) and not await memberships.find_place(tx, user_id):
        await users.delete_credentials(tx, user_id)
        await users.mark_erased(tx, user_id, now)
