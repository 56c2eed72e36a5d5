"""Builders: organisations with workshops, members and keys, made known to the services by tenancy's own events."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from carbot_contracts.event import Event
from carbot_contracts.tenancy import (
    ApiKeyChanged,
    MembershipChanged,
    OrganizationRegistered,
    Role,
    WorkshopChanged,
)
from carbot_core.consume import Envelope
from carbot_core.credentials import Credential
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_testing.running import service

ORIGIN = "https://mueller.example"


class Member(msgspec.Struct, frozen=True):
    """A user in an organisation, with the workshops that the user sees (None: all)."""

    user_id: UUID
    membership_id: UUID
    role: Role
    workshops: list[UUID] | None


class Organization(msgspec.Struct, frozen=True):
    """An organisation that the services know."""

    id: UUID
    workshops: list[UUID]
    keys: list[Credential]
    """A publishable key for each workshop, to be used from ORIGIN."""
    members: list[Member]

    def member(self, role: Role) -> Member:
        return next(member for member in self.members if member.role == role)


class World:
    """Makes organisations for the services whose workers' databases it was given."""

    def __init__(self, databases: dict[str, Database]) -> None:
        self._databases = databases

    async def organization(
        self, *, workshops: int = 1, members: tuple[tuple[Role, tuple[int, ...] | None], ...] = (("owner", None),)
    ) -> Organization:
        """Make an organisation; members are roles with the numbers of their workshops, None for all."""
        organization_id, sites = new_id(), [new_id() for _ in range(workshops)]
        keys = [Credential.mint("pk", organization_id, new_id()) for _ in sites]
        people = [
            Member(new_id(), new_id(), role, None if seen is None else [sites[number] for number in seen])
            for role, seen in members
        ]
        await self.tell(organization_id, registered(organization_id))
        for number, site in enumerate(sites):
            await self.tell(organization_id, workshop_changed(site, number))
        for person in people:
            await self.tell(organization_id, membership_changed(person))
        for key, site in zip(keys, sites, strict=True):
            await self.tell(organization_id, key_changed(key, site))
        return Organization(organization_id, sites, keys, people)

    async def tell(self, organization_id: UUID, event: Event, *, version: int = 1) -> None:
        """Let every service that takes the event take it, as if its worker had received it."""
        envelope = Envelope(
            event_id=new_id(),
            subject=event.subject,
            organization_id=organization_id,
            aggregate_id=event.aggregate_id(),
            version=version,
            occurred_at=datetime.now(UTC),
        )
        for name, database in self._databases.items():
            for consumer in service(name).consumers:
                if event.subject in consumer.subjects:
                    await consumer.handle(database, envelope, msgspec.json.encode(event))


def registered(organization_id: UUID) -> OrganizationRegistered:
    return OrganizationRegistered(
        organization_id=organization_id,
        slug=f"org-{organization_id.hex}",
        legal_name="Autohaus Müller GmbH",
        legal_form="gmbh",
        country="DE",
        locale="de",
        time_zone="Europe/Berlin",
        status="trial",
        registered_at=datetime.now(UTC),
    )


def workshop_changed(workshop_id: UUID, number: int) -> WorkshopChanged:
    return WorkshopChanged(
        workshop_id=workshop_id,
        name=f"Werkstatt {number + 1}",
        slug=f"werkstatt-{number + 1}",
        time_zone="Europe/Berlin",
        postal_code="10115",
        is_active=True,
    )


def membership_changed(member: Member, *, is_active: bool = True) -> MembershipChanged:
    return MembershipChanged(
        membership_id=member.membership_id,
        user_id=member.user_id,
        role=member.role,
        workshop_ids=None if member.workshops is None else tuple(member.workshops),
        is_active=is_active,
    )


def key_changed(key: Credential, workshop_id: UUID, *, revoked_at: datetime | None = None) -> ApiKeyChanged:
    return ApiKeyChanged(
        api_key_id=key.id,
        kind="publishable",
        workshop_id=workshop_id,
        secret_hash=key.hash(),
        allowed_origins=(ORIGIN,),
        revoked_at=revoked_at,
    )
