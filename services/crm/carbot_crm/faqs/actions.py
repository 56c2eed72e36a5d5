"""What can be done with a question."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_core.db import Tx
from carbot_core.errors import NotFound, PreconditionFailed
from carbot_crm.faqs import queries
from carbot_crm.faqs.models import Faq, FaqEdit, NewFaq
from carbot_crm.leads.actions import WorkshopNotFound


class FaqNotFound(NotFound):
    """There is no such question."""


async def create_faq(tx: Tx, new: NewFaq, now: datetime) -> Faq:
    """Store a question; raise WorkshopNotFound."""
    faq = await queries.insert_faq(tx, new, now)
    if faq is None:
        raise WorkshopNotFound(workshop=new.workshop_id)
    return faq


async def edit_faq(tx: Tx, faq_id: UUID, revision: int, edit: FaqEdit, *, now: datetime) -> Faq:
    """Change a question as the caller last saw it; raise FaqNotFound, PreconditionFailed."""
    faq = await _locked(tx, faq_id, revision)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    return await queries.update_faq(tx, msgspec.structs.replace(faq, **changes), now)


async def delete_faq(tx: Tx, faq_id: UUID, revision: int) -> None:
    """Delete a question as the caller last saw it; raise FaqNotFound, PreconditionFailed."""
    await _locked(tx, faq_id, revision)
    await queries.delete_faq(tx, faq_id)


async def _locked(tx: Tx, faq_id: UUID, revision: int) -> Faq:
    faq = await queries.lock_faq(tx, faq_id)
    if faq is None:
        raise FaqNotFound(faq=faq_id)
    if faq.revision != revision:
        raise PreconditionFailed(faq=faq_id)
    return faq
