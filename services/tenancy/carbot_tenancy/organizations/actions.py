"""Founding, describing, suspending, closing and reopening organisations."""

import re
import unicodedata
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from carbot_contracts.billing import SubscriptionStatus
from carbot_contracts.event import Event
from carbot_contracts.tenancy import OrganizationChanged, OrganizationRegistered
from carbot_core import directory, outbox, timers
from carbot_core.clock import Clock
from carbot_core.db import Tx
from carbot_core.errors import Conflict, NotFound, PreconditionFailed
from carbot_tenancy.organizations import legal, lifecycle, queries
from carbot_tenancy.organizations.models import NewOrganization, Organization, OrganizationEdit, StoredOrganization
from carbot_tenancy.sessions.actions import revoke_access

TIME_ZONE = "Europe/Berlin"
ERASURE: Final = "erasure"
LONGEST_SLUG = 48

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class OrganizationNotFound(NotFound):
    """There is no such organisation."""


class CannotReopen(Conflict):
    """The organisation is not closing, or its thirty days are over."""


class AlreadySuspended(Conflict):
    """The organisation is suspended already."""


class NotSuspended(Conflict):
    """The organisation was not suspended by the operator."""


async def read_organization(tx: Tx) -> Organization:
    """Return the caller's organisation; raise OrganizationNotFound."""
    organization = await queries.find_organization(tx)
    if organization is None or organization.status == "erased":
        raise OrganizationNotFound
    return shown(organization)


async def found_organization(tx: Tx, new: NewOrganization, now: datetime) -> None:
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
    await announce(tx, organization, OrganizationRegistered)


async def edit_organization(tx: Tx, revision: int, edit: OrganizationEdit, now: datetime) -> Organization:
    """Change what the organisation says of itself; raise OrganizationNotFound, PreconditionFailed, InvalidLegalData."""
    organization = await _lock(tx, revision)
    changed = legal.apply(edit, organization)
    if changed == organization:
        return shown(organization)
    changed = msgspec.structs.replace(changed, revision=organization.revision + 1)
    await queries.update_legal_data(tx, changed, now)
    await announce(tx, changed)
    return shown(changed)


async def close_organization(tx: Tx, revision: int | None, clock: Clock) -> Organization:
    """Begin to close the caller's organisation and refuse all its tokens; raise OrganizationNotFound, PreconditionFailed.

    The time is read under the row's lock: a token that may do everything was issued before, one that comes after is made for
    an organisation that is closing.
    """
    organization = await _lock(tx, revision)
    if organization.status == "closing":
        return shown(organization)
    now = clock()
    closing = await move(tx, organization, queries.update_closing, now, closing_since=now)
    await revoke_access(tx, "organization", closing.id, not_before=now, reason="closing")
    await timers.start(tx, ERASURE, closing.id, now + lifecycle.REVERSIBLE)
    return shown(closing)


async def reopen_organization(tx: Tx, revision: int | None, now: datetime) -> Organization:
    """Undo the closing: the facts decide again; raise OrganizationNotFound, PreconditionFailed, CannotReopen.

    The timer of the erasure goes on, and finds nothing to do.
    """
    organization = await _lock(tx, revision)
    due_at = erasure_due_at(organization)
    if organization.status != "closing" or due_at is None or due_at <= now:
        raise CannotReopen
    return shown(await move(tx, organization, queries.update_closing, now, closing_since=None))


async def follow_subscription(tx: Tx, status: SubscriptionStatus, version: int, now: datetime) -> None:
    """Take over what billing says, if it is newer than what is known; raise StatusCannotFollow."""
    organization = await queries.lock_organization(tx)
    if organization is None or organization.status == "erased" or version <= organization.subscription_version:
        return
    said = {"subscription_status": status, "subscription_version": version}
    await move(tx, organization, queries.update_standing, now, **said)


async def suspend_organization(tx: Tx, reason: str, now: datetime) -> StoredOrganization:
    """Let the organisation read and no longer write, whatever billing says; raise OrganizationNotFound, AlreadySuspended."""
    organization = await _lock(tx, None)
    if organization.suspended_at is not None:
        raise AlreadySuspended
    return await move(tx, organization, queries.update_standing, now, suspended_at=now, suspension_reason=reason)


async def resume_organization(tx: Tx, now: datetime) -> StoredOrganization:
    """Take the operator's suspension back: the other facts decide; raise OrganizationNotFound, NotSuspended."""
    organization = await _lock(tx, None)
    if organization.suspended_at is None:
        raise NotSuspended
    return await move(tx, organization, queries.update_standing, now, suspended_at=None, suspension_reason=None)


async def announce_organizations(tx: Tx, after: UUID | None, limit: int) -> list[tuple[Event, int]]:
    """Return the state of the context's organisation, with its version."""
    states = await queries.list_organization_states(tx, after, limit)
    return [(OrganizationChanged(**_state(state)), state.revision) for state in states]


async def move(
    tx: Tx,
    organization: StoredOrganization,
    store: Callable[[Tx, StoredOrganization, datetime], Awaitable[None]],
    now: datetime,
    **facts: object,
) -> StoredOrganization:
    """Store facts of a locked organisation; if its status is another one now, announce it; raise StatusCannotFollow."""
    known = msgspec.structs.replace(organization, **facts)
    status = lifecycle.follow(organization.status, lifecycle.status_of(known))
    if status == organization.status:
        await store(tx, known, now)
        return known
    moved = msgspec.structs.replace(known, status=status, revision=organization.revision + 1)
    await store(tx, moved, now)
    await announce(tx, moved)
    return moved


async def announce(
    tx: Tx,
    organization: StoredOrganization,
    kind: type[OrganizationChanged | OrganizationRegistered] = OrganizationChanged,
) -> None:
    """Tell the other services how the organisation is now, and this one whether it may write."""
    await directory.remember_tenant(tx, organization.id, organization.status, organization.revision)
    await outbox.add(tx, kind(**_state(organization)), version=organization.revision)


def erasure_due_at(organization: StoredOrganization) -> datetime | None:
    """Return when a closing organisation is erased, None for another one."""
    return None if organization.closing_since is None else organization.closing_since + lifecycle.REVERSIBLE


def shown(organization: StoredOrganization) -> Organization:
    """Return the organisation as its members see it."""
    return Organization(
        id=organization.id,
        slug=organization.slug,
        legal_name=organization.legal_name,
        legal_form=organization.legal_form,
        register_court=organization.register_court,
        register_number=organization.register_number,
        vat_id=organization.vat_id,
        tax_number=organization.tax_number,
        missing=legal.missing(organization),
        country=organization.country,
        country_alpha3=legal.ALPHA_3[organization.country],
        locale=organization.locale,
        time_zone=organization.time_zone,
        status=organization.status,
        closing_since=organization.closing_since,
        erasure_due_at=erasure_due_at(organization),
        created_at=organization.created_at,
        revision=organization.revision,
    )


def slug_of(name: str) -> str:
    """Return the name in the letters of an address: umlauts spelt out, other accents dropped."""
    spelt = unicodedata.normalize("NFC", name).lower().translate(_UMLAUTS)
    ascii_only = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:LONGEST_SLUG].strip("-") or "werkstatt"


async def _lock(tx: Tx, revision: int | None) -> StoredOrganization:
    organization = await queries.lock_organization(tx)
    if organization is None or organization.status == "erased":
        raise OrganizationNotFound
    if revision is not None and revision != organization.revision:
        raise PreconditionFailed
    return organization


def _state(organization: StoredOrganization) -> dict[str, Any]:
    return {
        "organization_id": organization.id,
        "slug": organization.slug,
        "legal_name": organization.legal_name,
        "legal_form": organization.legal_form,
        "register_court": organization.register_court,
        "register_number": organization.register_number,
        "vat_id": organization.vat_id,
        "country": organization.country,
        "locale": organization.locale,
        "time_zone": organization.time_zone,
        "status": organization.status,
        "registered_at": organization.created_at,
    }
