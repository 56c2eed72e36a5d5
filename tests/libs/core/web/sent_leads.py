"""Leads to send."""

from typing import Any
from uuid import uuid4

from carbot_testing.world import Organization

LEADS = "/api/crm/v1/leads"


def new_lead(organization: Organization, **changes: Any) -> dict[str, Any]:
    """Return a lead that nobody else sends."""
    return {
        "workshop_id": str(organization.workshops[0]),
        "source": "phone",
        "name": "Jörg Müller",
        "email": f"{uuid4().hex}@example.org",
        "request": "Reifen",
        **changes,
    }
