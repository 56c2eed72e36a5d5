"""What can be done with a lead, and what must not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_contracts.crm import LeadChanged, LeadConverted, LeadCreated, LeadDeleted, LeadStatus
from carbot_core import outbox
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed
from carbot_core.fields import normalize_email, normalize_phone
from carbot_core.ids import new_id
from carbot_crm.customers.actions import create_customer, locked_customer
from carbot_crm.customers.models import NewCustomer
from carbot_crm.due.actions import VehicleNotFound
from carbot_crm.follow_ups import queries as follow_ups
from carbot_crm.lead_scoring import actions as scoring
from carbot_crm.lead_scoring import features
from carbot_crm.lead_scoring import queries as scores
from carbot_crm.lead_scoring.models import Facts, Trigger
from carbot_crm.lead_scoring.queries import Scored
from carbot_crm.leads import queries
from carbot_crm.leads.models import (
    Conversion,
    Interaction,
    InteractionKind,
    Lead,
    LeadEdit,
    NewGuestLead,
    NewInteraction,
    NewLead,
)
from carbot_crm.vehicles import queries as vehicles
from carbot_crm.vehicles.actions import create_vehicle
from carbot_crm.vehicles.models import NewVehicle

Step = Literal["assign", "contact", "qualify", "lose", "reopen", "spam", "convert"]

STEPS: Mapping[LeadStatus, Mapping[Step, LeadStatus]] = {
    "new": {"assign": "new", "contact": "contacted", "lose": "lost", "spam": "spam", "convert": "converted"},
    "contacted": {
        "assign": "contacted",
        "contact": "contacted",
        "qualify": "qualified",
        "lose": "lost",
        "spam": "spam",
        "convert": "converted",
    },
    "qualified": {"assign": "qualified", "contact": "qualified", "lose": "lost", "convert": "converted"},
    "converted": {},
    "lost": {"reopen": "new"},
    "spam": {"reopen": "new"},
}
"""The state machine: from each status, the steps that are allowed and where they lead."""
OPEN: Final = frozenset[LeadStatus]({"new", "contacted", "qualified"})
"""The statuses of a lead for which something is still to be done."""


class LeadNotFound(NotFound):
    """There is no such lead."""


class WorkshopNotFound(NotFound):
    """There is no such workshop."""


class AssigneeNotFound(NotFound):
    """There is no such member at the lead's workshop."""


class WrongStep(Conflict):
    """The lead's status does not allow this step: see allowed."""


class LeadAlreadyOpen(Conflict):
    """This telephone number has another open lead at the workshop."""


class ContactMissing(Invalid):
    """A lead needs a telephone number or an e-mail address."""


class ConsentMissing(Invalid):
    """Without consent to data processing nothing can be stored."""


async def take_guest_lead(tx: Tx, workshop_id: UUID, client_key: UUID, new: NewGuestLead, *, now: datetime) -> UUID:
    """Store what a guest sent; raise ConsentMissing, WorkshopNotFound or InvalidPhone."""
    if not new.consent.data_processing:
        raise ConsentMissing(errors=(FieldError("/consent/data_processing", ConsentMissing.sentence()),))
    lead = NewLead(
        workshop_id=workshop_id,
        source="website",
        name=new.name,
        phone=new.phone,
        email=new.email,
        request=new.request,
        vehicle=new.vehicle,
        language=new.language,
    )
    origin = queries.Origin(
        source_url=new.source_url,
        client_key=client_key,
        consent_text_version=new.consent.text_version,
        consent_communication=new.consent.communication,
    )
    return (await take_lead(tx, lead, origin, now)).id


async def take_lead(tx: Tx, new: NewLead, origin: queries.Origin, now: datetime) -> Lead:
    """Store a lead with its first follow-up, or add to the open one of the same phone, and announce it.

    Raises ContactMissing, WorkshopNotFound, InvalidPhone.
    """
    if new.phone is None and new.email is None:
        raise ContactMissing(errors=(FieldError("/phone", ContactMissing.sentence()),))
    new = msgspec.structs.replace(
        new,
        phone=normalize_phone(new.phone) if new.phone else None,
        email=normalize_email(new.email) if new.email else None,
    )
    lead_id, scorer = new_id(), await scoring.scorer(tx)
    counted = features.count(_facts(new, now), now)
    score = scorer.score(counted)
    lead = await queries.insert_lead(tx, lead_id, new, origin, score, now)
    if lead is None:
        return await _add_to_open_lead(tx, new, now)
    await scores.insert_entries(tx, [Scored(lead_id, lead.workshop_id, counted, score)], scorer.version, "taken", now)
    await queries.insert_beginning(tx, lead, "form" if origin.client_key else "note", now)
    await outbox.add(
        tx,
        LeadCreated(lead_id=lead.id, workshop_id=lead.workshop_id, source=lead.source, created_at=lead.created_at),
        version=lead.revision,
    )
    return lead


async def _add_to_open_lead(tx: Tx, new: NewLead, now: datetime) -> Lead:
    known = await queries.lock_open_lead_of_phone(tx, new.workshop_id, new.phone) if new.phone else None
    if known is None:
        raise WorkshopNotFound(workshop=new.workshop_id)
    await queries.insert_interaction(tx, known.id, "form", new.request, now)
    return await _store(tx, await _scored(tx, known, "message", now), now)


async def edit_lead(tx: Tx, lead_id: UUID, revision: int, edit: LeadEdit, *, now: datetime) -> Lead:
    """Change a lead as the caller last saw it; raise LeadNotFound, PreconditionFailed, LeadAlreadyOpen, ContactMissing."""
    lead = await _locked(tx, lead_id, revision)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    if changes.get("phone"):
        changes["phone"] = normalize_phone(str(changes["phone"]))
    if changes.get("email"):
        changes["email"] = normalize_email(str(changes["email"]))
    changed = msgspec.structs.replace(lead, **changes)
    if changed.phone is None and changed.email is None:
        raise ContactMissing(errors=(FieldError("/phone", ContactMissing.sentence()),))
    if _SCORED & changes.keys():
        changed = await _scored(tx, changed, "edit", now)
    return await _store(tx, changed, now)


async def assign_lead(tx: Tx, lead_id: UUID, revision: int | None, user_id: UUID, *, now: datetime) -> Lead:
    """Give an open lead to a member of its workshop; raise LeadNotFound, WrongStep, AssigneeNotFound."""
    lead = await _locked(tx, lead_id, revision)
    status = _next_status(lead, "assign")
    if await queries.find_assignee(tx, user_id, lead.workshop_id) is None:
        raise AssigneeNotFound(lead=lead_id)
    lead = await _store(tx, msgspec.structs.replace(lead, status=status, assigned_to=user_id), now)
    await queries.insert_interaction(tx, lead.id, "assignment", None, now)
    return lead


async def advance_lead(
    tx: Tx, lead_id: UUID, revision: int | None, step: Step, note: str | None, *, now: datetime
) -> Lead:
    """Take a step of the state machine and note it; what was to be done for a lead that it closes is cancelled.

    Raises LeadNotFound, PreconditionFailed, WrongStep, LeadAlreadyOpen.
    """
    lead = await _locked(tx, lead_id, revision)
    lost_reason = note if step == "lose" else None
    status = _next_status(lead, step)
    first_response_at = lead.first_response_at or (now if step in _RESPONSES else None)
    lead = msgspec.structs.replace(lead, status=status, lost_reason=lost_reason, first_response_at=first_response_at)
    lead = await _store(tx, lead, now)
    await queries.insert_interaction(tx, lead.id, _INTERACTION[step], note, now)
    if status not in OPEN:
        await follow_ups.cancel_open(tx, lead.id, now)
    return lead


_INTERACTION: Mapping[Step, InteractionKind] = {
    "assign": "assignment",
    "contact": "contact",
    "qualify": "qualification",
    "lose": "loss",
    "reopen": "reopening",
    "spam": "spam",
    "convert": "conversion",
}
_RESPONSES = frozenset({"contact", "qualify"})
_SCORED = frozenset({"name", "phone", "email", "request", "vehicle"})


async def convert_lead(tx: Tx, lead_id: UUID, revision: int | None, conversion: Conversion, *, now: datetime) -> Lead:
    """Make a customer of a lead, or link a known one, and a vehicle if one is named, all or nothing.

    Raises LeadNotFound, PreconditionFailed, WrongStep, CustomerNotFound, VehicleNotFound.
    """
    lead = await _locked(tx, lead_id, revision)
    status = _next_status(lead, "convert")
    customer_id = await _customer_of(tx, lead, conversion, now)
    vehicle_id = await _vehicle_of(tx, lead, conversion, customer_id, now)
    lead = msgspec.structs.replace(
        lead, status=status, customer_id=customer_id, vehicle_id=vehicle_id, converted_at=now, lost_reason=None
    )
    lead = await _store(tx, lead, now)
    await queries.insert_interaction(tx, lead.id, "conversion", None, now)
    await follow_ups.cancel_open(tx, lead.id, now)
    converted = LeadConverted(
        lead_id=lead.id, workshop_id=lead.workshop_id, customer_id=customer_id, vehicle_id=vehicle_id
    )
    await outbox.add(tx, converted, version=lead.revision)
    return lead


async def _customer_of(tx: Tx, lead: Lead, conversion: Conversion, now: datetime) -> UUID:
    if conversion.customer_id is not None:
        return (await locked_customer(tx, conversion.customer_id)).id
    first_name, _, last_name = lead.name.rpartition(" ")
    new = NewCustomer(
        kind="company" if conversion.company else "person",
        workshop_id=lead.workshop_id,
        first_name=first_name or None,
        last_name=last_name,
        company=conversion.company,
        email=lead.email,
        phone=lead.phone,
        language=lead.language,
    )
    return (await create_customer(tx, new, "lead", now)).id


async def _vehicle_of(tx: Tx, lead: Lead, conversion: Conversion, customer_id: UUID, now: datetime) -> UUID | None:
    if conversion.vehicle_id is not None:
        vehicle = await vehicles.find_vehicle(tx, conversion.vehicle_id)
        if vehicle is None:
            raise VehicleNotFound(vehicle=conversion.vehicle_id)
        return vehicle.id
    if conversion.plate is None and conversion.vin is None and conversion.make is None and conversion.model is None:
        return None
    new = NewVehicle(
        customer_id=customer_id,
        workshop_id=lead.workshop_id,
        plate=conversion.plate,
        vin=conversion.vin,
        make=conversion.make,
        model=conversion.model,
    )
    return (await create_vehicle(tx, new, now=now)).id


async def delete_lead(tx: Tx, lead_id: UUID, revision: int) -> None:
    """Delete a lead for good, as somebody may ask for (GDPR, Art. 17); raise LeadNotFound, PreconditionFailed."""
    lead = await _locked(tx, lead_id, revision)
    await queries.delete_lead(tx, lead_id)
    await outbox.add(tx, LeadDeleted(lead_id=lead_id, workshop_id=lead.workshop_id), version=lead.revision + 1)


async def note_interaction(tx: Tx, lead_id: UUID, new: NewInteraction, *, now: datetime) -> Interaction:
    """Note what was done for a lead; raise LeadNotFound."""
    interaction = await queries.insert_interaction(tx, lead_id, new.kind, new.text, now)
    if interaction is None:
        raise LeadNotFound(lead=lead_id)
    return interaction


async def _scored(tx: Tx, lead: Lead, trigger: Trigger, now: datetime) -> Lead:
    """Return a lead with its score of now, which is kept in its history."""
    facts = _facts(lead, lead.created_at, lead.first_response_at, await scores.list_messages(tx, lead.id))
    scorer = await scoring.scorer(tx)
    score = await scoring.note_score(tx, lead.id, lead.workshop_id, facts, trigger, now, by=scorer)
    return msgspec.structs.replace(
        lead, lead_score=score.score, classification=score.classification, urgency_class=score.urgency_class
    )


def _facts(
    lead: Lead | NewLead,
    created_at: datetime,
    first_response_at: datetime | None = None,
    messages: list[str] | None = None,
) -> Facts:
    return Facts(
        name=lead.name,
        phone=lead.phone,
        email=lead.email,
        request=lead.request,
        vehicle=lead.vehicle,
        created_at=created_at,
        first_response_at=first_response_at,
        messages=messages or [lead.request],
    )


def _next_status(lead: Lead, step: Step) -> LeadStatus:
    allowed = STEPS[lead.status]
    if step not in allowed:
        raise WrongStep(public={"lead_status": lead.status, "allowed": sorted(allowed)}, lead=lead.id, step=step)
    return allowed[step]


async def _locked(tx: Tx, lead_id: UUID, revision: int | None) -> Lead:
    lead = await queries.lock_lead(tx, lead_id)
    if lead is None:
        raise LeadNotFound(lead=lead_id)
    if revision is not None and revision != lead.revision:
        raise PreconditionFailed(lead=lead_id)
    return lead


async def _store(tx: Tx, lead: Lead, now: datetime) -> Lead:
    stored = await queries.update_lead(tx, lead, now)
    if stored is None:
        raise LeadAlreadyOpen(lead=lead.id)
    await outbox.add(
        tx,
        LeadChanged(
            lead_id=stored.id,
            workshop_id=stored.workshop_id,
            source=stored.source,
            status=stored.status,
            assigned_to=stored.assigned_to,
            created_at=stored.created_at,
        ),
        version=stored.revision,
    )
    return stored
