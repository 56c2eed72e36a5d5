"""Recording what customers say of advertising, and letting it count."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from carbot_contracts.crm import ConsentChanged
from carbot_core import outbox
from carbot_core.db import Tx
from carbot_core.errors import FieldError, Invalid
from carbot_core.ids import new_id
from carbot_crm.consents import queries
from carbot_crm.consents.models import ConsentRecord, NewConsentRecord, NewSaleAddress, SaleAddress
from carbot_crm.keys import Keys
from carbot_crm.send_gate import actions as send_gate
from carbot_crm.send_gate.actions import CustomerNotFound
from carbot_crm.send_gate.models import Channel

ALL: Literal["all"] = "all"


class InvalidConsentRecord(Invalid):
    """Such a record would prove nothing: see errors."""


class AddressMissing(Invalid):
    """The customer has no address on this channel."""


async def record_consent(tx: Tx, keys: Keys, customer_id: UUID, new: NewConsentRecord, now: datetime) -> ConsentRecord:
    """Store what a customer said, announce it and let it count at once.

    Raises InvalidConsentRecord, AddressMissing, CustomerNotFound.
    """
    _refuse_unproved(new, now)
    address = (await send_gate.find_recipient(tx, customer_id)).address(new.channel)
    if address is None and new.state in {"granted", "confirmed"}:
        raise AddressMissing(customer=customer_id)
    said = ConsentChanged(
        customer_id=customer_id,
        record_id=new_id(),
        channel=new.channel,
        purpose=new.purpose or ALL,
        state=new.state,
        source=new.source,
        text_version=new.text_version,
        address_hash=keys.hash_address(tx.organization_id, new.channel, address).hex() if address else None,
        occurred_at=new.occurred_at or now,
    )
    await _lock(tx, customer_id)
    return await _append(tx, said, now)


async def object_by_link(
    tx: Tx, keys: Keys, customer_id: UUID | None, channel: Channel, address: str, *, now: datetime
) -> None:
    """Let an address be written to with advertising no more, whoever it is of now; somebody who said so already has said so."""
    address_hash = keys.hash_address(tx.organization_id, channel, address)
    await queries.suppress(tx, channel, address_hash, "objection", since=now, now=now)
    if customer_id is None or not await queries.lock_customer(tx, customer_id):
        return
    last = await queries.find_last_record(tx, customer_id, channel)
    if last is not None and last.state == "objected":
        return
    said = ConsentChanged(
        customer_id=customer_id,
        record_id=new_id(),
        channel=channel,
        purpose=ALL,
        state="objected",
        source="link",
        address_hash=address_hash.hex(),
        occurred_at=now,
    )
    await _append(tx, said, now)


async def apply_consent(tx: Tx, said: ConsentChanged, version: int, now: datetime) -> None:
    """Let what a customer said count, if nothing newer does."""
    address_hash = bytes.fromhex(said.address_hash) if said.address_hash else None
    await queries.project_consent(tx, said, address_hash, version)
    if said.state == "objected" and address_hash is not None:
        await queries.suppress(tx, said.channel, address_hash, "objection", since=said.occurred_at, now=now)


async def record_sale_address(tx: Tx, keys: Keys, customer_id: UUID, new: NewSaleAddress, now: datetime) -> SaleAddress:
    """Store that the customer's address came with a sale; raise CustomerNotFound, AddressMissing, InvalidConsentRecord."""
    if new.sold_on > now.date():
        raise InvalidConsentRecord(errors=(FieldError("/sold_on", "This day has not come"),))
    address = (await send_gate.find_recipient(tx, customer_id)).address(new.channel)
    if address is None:
        raise AddressMissing(customer=customer_id)
    address_hash = keys.hash_address(tx.organization_id, new.channel, address)
    return await queries.insert_sale_address(tx, customer_id, new, address_hash, now)


def _refuse_unproved(new: NewConsentRecord, now: datetime) -> None:
    errors: list[FieldError] = []
    if new.state == "objected" and new.purpose is not None:
        errors.append(FieldError("/purpose", "An objection is to all advertising on the channel: leave it out"))
    if new.state != "objected" and new.purpose is None:
        errors.append(FieldError("/purpose", "Say what the customer spoke of"))
    if new.state in {"granted", "confirmed"} and new.text_version is None:
        errors.append(FieldError("/text_version", "Say which text the customer saw"))
    if new.occurred_at is not None and new.occurred_at > now:
        errors.append(FieldError("/occurred_at", "This moment has not come"))
    if errors:
        raise InvalidConsentRecord(errors=tuple(errors))


async def _lock(tx: Tx, customer_id: UUID) -> None:
    if not await queries.lock_customer(tx, customer_id):
        raise CustomerNotFound(customer=customer_id)


async def _append(tx: Tx, said: ConsentChanged, now: datetime) -> ConsentRecord:
    address_hash = bytes.fromhex(said.address_hash) if said.address_hash else None
    record = await queries.insert_record(tx, said, address_hash, author_id=tx.context.user_id, now=now)
    # An objection counts before its event comes back (Art. 21(3) GDPR).
    await apply_consent(tx, said, record.version, now)
    await outbox.add(tx, said, version=record.version)
    return record
