"""Finding customers who may be one."""

from datetime import datetime
from uuid import UUID

from carbot_core.db import Tx
from carbot_core.errors import NotFound
from carbot_crm.customers import queries as customers
from carbot_crm.customers.actions import CustomerNotFound
from carbot_crm.duplicates import queries
from carbot_crm.duplicates.likeness import LIKELY, likeness
from carbot_crm.duplicates.models import Duplicate, Duplicates, Facts
from carbot_crm.duplicates.queries import Found


class PairNotFound(NotFound):
    """These two are no pair that was found alike."""


async def find_duplicates(tx: Tx, customer_id: UUID) -> Duplicates:
    """Compare a customer with all who share a key or resemble the name; raise CustomerNotFound."""
    if await customers.find_customer(tx, customer_id) is None:
        raise CustomerNotFound(customer=customer_id)
    facts = await queries.list_facts(tx, [customer_id, *await queries.list_ids_like(tx, customer_id)])
    known = {each.id: each for each in facts}
    own = known.pop(customer_id)
    alike = [(other, likeness(own, other)) for other in known.values()]
    items = [
        Duplicate(customer_id=other.id, name=_name(other), score=found.score, reasons=found.reasons)
        for other, found in alike
        if found.score >= LIKELY
    ]
    return Duplicates(sorted(items, key=lambda each: (-each.score, each.customer_id)))


async def look_for_pairs(tx: Tx, now: datetime) -> int:
    """Compare all customers of an organisation that are worth comparing, and keep the likely pairs; return how many."""
    pairs = await queries.list_pairs(tx)
    known = {each.id: each for each in await queries.list_facts(tx, list({one for pair in pairs for one in pair}))}
    compared = ((first, second, likeness(known[first], known[second])) for first, second in pairs)
    found = [
        Found(first, second, alike.score, list(alike.reasons))
        for first, second, alike in compared
        if alike.score >= LIKELY
    ]
    await queries.delete_other_pairs(tx, found)
    await queries.insert_pairs(tx, found, now)
    return len(found)


async def dismiss(tx: Tx, first_id: UUID, second_id: UUID, now: datetime) -> None:
    """Note that two are not the same, in either order; raise PairNotFound."""
    if not await queries.mark_dismissed(tx, min(first_id, second_id), max(first_id, second_id), now):
        raise PairNotFound(first=first_id, second=second_id)


def _name(facts: Facts) -> str:
    return facts.company or f"{facts.first_name} {facts.last_name}".strip()
