"""What can be done with a landing page."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_core.db import Tx
from carbot_core.errors import Conflict, NotFound, PreconditionFailed
from carbot_crm.landing_pages import queries
from carbot_crm.landing_pages.models import LandingPage, LandingPageEdit, NewLandingPage
from carbot_crm.leads.actions import WorkshopNotFound


class LandingPageNotFound(NotFound):
    """There is no such landing page."""


class SlugTaken(Conflict):
    """The workshop has another landing page with this slug in this language."""


async def create_landing_page(tx: Tx, new: NewLandingPage, now: datetime) -> LandingPage:
    """Store a page; raise WorkshopNotFound, SlugTaken."""
    page = await queries.insert_landing_page(tx, new, now)
    if page is not None:
        return page
    if await queries.find_workshop(tx, new.workshop_id) is None:
        raise WorkshopNotFound(workshop=new.workshop_id)
    raise SlugTaken


async def edit_landing_page(
    tx: Tx, page_id: UUID, revision: int, edit: LandingPageEdit, *, now: datetime
) -> LandingPage:
    """Change a page as the caller last saw it; raise LandingPageNotFound, PreconditionFailed, SlugTaken."""
    page = await _locked(tx, page_id, revision)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    stored = await queries.update_landing_page(tx, msgspec.structs.replace(page, **changes), now)
    if stored is None:
        raise SlugTaken(page=page_id)
    return stored


async def delete_landing_page(tx: Tx, page_id: UUID, revision: int) -> None:
    """Delete a page as the caller last saw it; raise LandingPageNotFound, PreconditionFailed."""
    await _locked(tx, page_id, revision)
    await queries.delete_landing_page(tx, page_id)


async def _locked(tx: Tx, page_id: UUID, revision: int) -> LandingPage:
    page = await queries.lock_landing_page(tx, page_id)
    if page is None:
        raise LandingPageNotFound(page=page_id)
    if page.revision != revision:
        raise PreconditionFailed(page=page_id)
    return page
