"""Writing to customers: what is queued, what the gate says of it when it is due, and who will get nothing more."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from carbot_contracts.crm import VehicleDue
from carbot_core import timers
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed
from carbot_crm.communications import queries
from carbot_crm.communications.models import (
    TIMER,
    Communication,
    Content,
    NewCommunication,
    NewTouchpoint,
    Outgoing,
    SentTo,
    Unsubscription,
)
from carbot_crm.consents import actions as consents
from carbot_crm.consents import queries as consent_queries
from carbot_crm.keys import Keys
from carbot_crm.send_gate import actions as send_gate
from carbot_crm.send_gate import queries as gate_queries
from carbot_crm.send_gate.actions import CustomerNotFound
from carbot_crm.send_gate.models import ADVERTISING, Channel, Purpose, Recipient, Verdict
from carbot_crm.templates import letters
from carbot_crm.templates import queries as templates

CONFIGURED: Final[frozenset[Channel]] = frozenset({"email"})
"""The channels that something is behind."""
LATEST: Final = timedelta(days=366)
REMINDERS: Final[Mapping[str, Purpose]] = {
    "hu": "hu_reminder",
    "service": "service_reminder",
    "tyre_change": "tyre_reminder",
}
"""What is written when something is due for a vehicle, by its kind."""


class CommunicationNotFound(NotFound):
    """There is no such communication."""


class UnsubscribeLinkNotValid(NotFound):
    """This link is not valid."""


class ContentMissing(Invalid):
    """Write subject and body, or neither where a template is published for the purpose."""


class InvalidMoment(Invalid):
    """A message can be scheduled for a moment within the next year."""


class NotScheduled(Conflict):
    """Only a message that is scheduled can be cancelled."""


async def write_message(tx: Tx, keys: Keys, customer_id: UUID, new: NewCommunication, now: datetime) -> Communication:
    """Queue a message; one that is due now and that the gate refuses is stored as refused.

    Raises CustomerNotFound, ContentMissing, InvalidMoment.
    """
    if new.send_at is not None and not now < new.send_at <= now + LATEST:
        raise InvalidMoment(errors=(FieldError("/send_at", InvalidMoment.sentence()),))
    recipient = await send_gate.find_recipient(tx, customer_id)
    content = await _content(tx, recipient, new)
    due_at = new.send_at or now
    verdict = await _assess(tx, keys, recipient, new.channel, new.purpose) if new.send_at is None else None
    message = await queries.insert_message(tx, recipient, content, verdict, due_at=due_at, now=now)
    if message is None:
        raise CustomerNotFound(customer=customer_id)
    if message.status == "scheduled":
        await timers.start(tx, TIMER, message.id, due_at)
    return message


async def note_touchpoint(tx: Tx, customer_id: UUID, new: NewTouchpoint, now: datetime) -> Communication:
    """Note what was said or written elsewhere; raise CustomerNotFound."""
    noted = await queries.insert_touchpoint(tx, customer_id, new, now)
    if noted is None:
        raise CustomerNotFound(customer=customer_id)
    return noted


async def read_communication(tx: Tx, communication_id: UUID) -> Communication:
    """Return a touchpoint; raise CommunicationNotFound."""
    found = await queries.find_communication(tx, communication_id)
    if found is None:
        raise CommunicationNotFound(communication=communication_id)
    return found


async def cancel_message(tx: Tx, communication_id: UUID, revision: int | None, now: datetime) -> Communication:
    """Take a message back before it is sent; raise CommunicationNotFound, PreconditionFailed, NotScheduled."""
    known = await read_communication(tx, communication_id)
    if revision is not None and revision != known.revision:
        raise PreconditionFailed(communication=communication_id)
    cancelled = await queries.mark_cancelled(tx, communication_id, now)
    if cancelled is None:
        raise NotScheduled(public={"communication_status": known.status}, communication=communication_id)
    return cancelled


async def decide_due(tx: Tx, keys: Keys, communication_id: UUID, now: datetime) -> Outgoing | None:
    """Ask the gate about a message that is due and store its verdict; return the message if it is to be sent, else None."""
    message = await queries.lock_queued_message(tx, communication_id)
    if message is None:
        return None
    recipient = await gate_queries.find_recipient(tx, message.customer_id) if message.customer_id else None
    if recipient is None:
        gone = Verdict(is_allowed=False, ground="customer_gone")
        await queries.mark_decided(tx, message.id, None, gone, now)
        return None
    verdict = await _assess(tx, keys, recipient, message.channel, message.purpose)
    to = recipient.address(message.channel)
    await queries.mark_decided(tx, message.id, to, verdict, now)
    if to is None or not verdict.is_allowed:
        return None
    return Outgoing(
        message=message,
        to=to,
        sender=recipient.organization_name,
        is_advertising=message.purpose in ADVERTISING,
    )


async def suppress_bounced(tx: Tx, keys: Keys, outgoing: Outgoing, now: datetime) -> None:
    """Write no more to an address where nobody is."""
    channel = outgoing.message.channel
    address_hash = keys.hash_address(tx.organization_id, channel, outgoing.to)
    await consent_queries.suppress(tx, channel, address_hash, "bounce", since=now, now=now)


async def remind(tx: Tx, due: VehicleDue, now: datetime) -> None:
    """Queue a reminder of what is due for a vehicle, once, if a wording for it is published and the owner is known."""
    purpose = REMINDERS.get(due.kind)
    if purpose is None or due.customer_id is None:
        return
    recipient = await gate_queries.find_recipient(tx, due.customer_id)
    vehicle = await queries.find_vehicle_words(tx, due.vehicle_id)
    if recipient is None or vehicle is None:
        return
    wording = await templates.find_wording(tx, purpose, "email", recipient.language)
    if wording is None:
        return
    about = {
        "plate": vehicle.plate or "",
        "vehicle": " ".join(filter(None, (vehicle.make, vehicle.model))),
        "due": f"{due.due_on:%m/%Y}" if due.kind == "hu" else f"{due.due_on:%d.%m.%Y}",
    }
    content = Content(
        purpose=purpose,
        channel="email",
        language=wording.language,
        subject=letters.fill_subject(wording.subject, recipient, about),
        body=letters.fill(wording.body, recipient, about),
        template_version_id=wording.version_id,
        vehicle_id=due.vehicle_id,
        about_day=due.due_on,
    )
    message = await queries.insert_message(tx, recipient, content, None, due_at=now, now=now)
    if message is not None:
        await timers.start(tx, TIMER, message.id, now)


async def read_unsubscription(tx: Tx, keys: Keys, communication_id: UUID) -> Unsubscription:
    """Return whether the address that a message went to gets advertising; raise UnsubscribeLinkNotValid."""
    sent_to = await _sent_to(tx, communication_id)
    address_hash = keys.hash_address(tx.organization_id, sent_to.channel, sent_to.recipient)
    objected = await consent_queries.has_objected(tx, sent_to.channel, address_hash)
    return Unsubscription(sent_to.organization_name, sent_to.channel, objected)


async def unsubscribe(tx: Tx, keys: Keys, communication_id: UUID, now: datetime) -> Unsubscription:
    """Let the address that a message went to get no more advertising; raise UnsubscribeLinkNotValid."""
    sent_to = await _sent_to(tx, communication_id)
    await consents.object_by_link(tx, keys, sent_to.customer_id, sent_to.channel, sent_to.recipient, now=now)
    return Unsubscription(sent_to.organization_name, sent_to.channel, is_unsubscribed=True)


async def _sent_to(tx: Tx, communication_id: UUID) -> SentTo:
    sent_to = await queries.find_sent_to(tx, communication_id)
    if sent_to is None:
        raise UnsubscribeLinkNotValid(communication=communication_id)
    return sent_to


async def _assess(tx: Tx, keys: Keys, recipient: Recipient, channel: Channel, purpose: Purpose) -> Verdict:
    verdict = await send_gate.assess(tx, keys, recipient, channel, purpose)
    if verdict.is_allowed and channel not in CONFIGURED:
        return Verdict(is_allowed=False, ground="channel_not_configured")
    return verdict


async def _content(tx: Tx, recipient: Recipient, new: NewCommunication) -> Content:
    """Return what was written, or what the template of the purpose says; raise ContentMissing."""
    if new.subject is not None and new.body is not None:
        return Content(
            purpose=new.purpose,
            channel=new.channel,
            language=recipient.language,
            subject=new.subject,
            body=new.body,
        )
    wording = await templates.find_wording(tx, new.purpose, new.channel, recipient.language)
    if wording is None or new.subject is not None or new.body is not None:
        raise ContentMissing(errors=(FieldError("/body", ContentMissing.sentence()),))
    return Content(
        purpose=new.purpose,
        channel=new.channel,
        language=wording.language,
        subject=letters.fill_subject(wording.subject, recipient, {}),
        body=letters.fill(wording.body, recipient, {}),
        template_version_id=wording.version_id,
    )
