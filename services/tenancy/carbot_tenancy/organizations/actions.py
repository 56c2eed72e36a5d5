"""Founding and closing organisations."""

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from carbot_contracts.event import Event
from carbot_contracts.tenancy import OrganizationChanged, OrganizationRegistered
from carbot_core import directory, outbox
from carbot_core.db import Tx
from carbot_core.errors import NotFound, PreconditionFailed
from carbot_tenancy.organizations import queries
from carbot_tenancy.organizations.models import NewOrganization, Organization
from carbot_tenancy.sessions.actions import revoke_access

TIME_ZONE = "Europe/Berlin"
IN_FLIGHT = timedelta(seconds=5)
"""Longer than a request lives: a token that is made while the organisation is being closed is refused, too."""
LONGEST_SLUG = 48

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class OrganizationNotFound(NotFound):
    """There is no such organisation."""


async def read_organization(tx: Tx) -> Organization:
    """Return the caller's organisation; raise OrganizationNotFound."""
    organization = await queries.find_organization(tx)
    if organization is None:
        raise OrganizationNotFound
    return organization


async def found_organization(tx: Tx, new: NewOrganization, now: datetime) -> Organization:
    """Store the organisation of the context and announce it, with a slug of its own."""
    slug, unique = slug_of(new.legal_name), tx.organization_id.hex
    organization = None
    # The end of a UUIDv7 is random: the longest of these was never given before.
    for candidate in (slug, f"{slug}-{unique[-4:]}", f"{slug}-{unique[-8:]}", f"{slug[:30]}-{unique}"):
        organization = await queries.insert_organization(tx, new, slug=candidate, time_zone=TIME_ZONE, now=now)
        if organization is not None:
            break
    if organization is None:
        raise RuntimeError("an organisation with this id exists")
    await directory.remember_tenant(tx, organization.id, organization.status, organization.revision)
    await outbox.add(tx, OrganizationRegistered(**_state(organization)), version=organization.revision)
    return organization


async def close_organization(tx: Tx, revision: int | None, now: datetime) -> Organization:
    """Begin to close the caller's organisation and refuse all its tokens; raise OrganizationNotFound, PreconditionFailed."""
    current = await read_organization(tx)
    if revision is not None and revision != current.revision:
        raise PreconditionFailed
    closing = await queries.mark_closing(tx, now)
    if closing is None:
        return current
    await directory.remember_tenant(tx, closing.id, closing.status, closing.revision)
    await outbox.add(tx, OrganizationChanged(**_state(closing)), version=closing.revision)
    await revoke_access(tx, "organization", closing.id, not_before=now + IN_FLIGHT, reason="closing")
    return closing


async def announce_organizations(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """Return the state of the context's organisation, with its version."""
    states = await queries.list_organization_states(tx, after, limit)
    return [(OrganizationChanged(**_state(state)), state.revision) for state in states]


def slug_of(name: str) -> str:
    """Return the name in the letters of an address: umlauts spelt out, other accents dropped."""
    spelt = unicodedata.normalize("NFC", name).lower().translate(_UMLAUTS)
    ascii_only = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:LONGEST_SLUG].strip("-") or "werkstatt"


def _state(organization: Organization) -> dict[str, Any]:
    return {
        "organization_id": organization.id,
        "slug": organization.slug,
        "legal_name": organization.legal_name,
        "legal_form": organization.legal_form,
        "country": organization.country,
        "locale": organization.locale,
        "time_zone": organization.time_zone,
        "status": organization.status,
        "registered_at": organization.created_at,
    }
