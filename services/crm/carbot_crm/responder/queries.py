"""What the responder knows, in SQL."""

from uuid import UUID

import msgspec

from carbot_core.db import Tx
from carbot_crm.chat.models import Language
from carbot_crm.landing_pages.models import OfferedService
from carbot_crm.locations.queries import list_locations
from carbot_crm.responder.models import Knowledge, Question


class Services(msgspec.Struct, frozen=True):
    services: list[OfferedService]


async def find_knowledge(tx: Tx, workshop_id: UUID, language: Language) -> Knowledge:
    """Return what there is to tell of a workshop."""
    name = await tx.value(
        str,
        """
        SELECT name
        FROM crm.workshops
        WHERE organization_id = $1 AND id = $2
        """,
        tx.organization_id,
        workshop_id,
    )
    return Knowledge(
        workshop=name or "",
        locations=await list_locations(tx, workshop_id),
        questions=await list_questions(tx, workshop_id, language),
        services=await list_services(tx, workshop_id, language),
    )


async def list_questions(tx: Tx, workshop_id: UUID, language: Language) -> list[Question]:
    """List the workshop's published questions in their order, at most 50."""
    return await tx.all(
        Question,
        """
        SELECT question, answer
        FROM crm.faqs
        WHERE organization_id = $1 AND workshop_id = $2 AND language = $3 AND is_published
        ORDER BY place, id
        LIMIT 50
        """,
        tx.organization_id,
        workshop_id,
        language,
    )


async def list_services(tx: Tx, workshop_id: UUID, language: Language) -> list[OfferedService]:
    """List the services of the workshop's published landing pages."""
    pages = await tx.all(
        Services,
        """
        SELECT services
        FROM crm.landing_pages
        WHERE organization_id = $1 AND workshop_id = $2 AND language = $3 AND is_published
        ORDER BY slug
        LIMIT 10
        """,
        tx.organization_id,
        workshop_id,
        language,
    )
    return [service for page in pages for service in page.services]
