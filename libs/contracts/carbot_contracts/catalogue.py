"""Every event of the product, by subject."""

from carbot_contracts import billing, compliance, crm, tenancy
from carbot_contracts.event import Event

EVENTS: dict[str, type[Event]] = {
    event.subject: event for event in (*tenancy.EVENTS, *crm.EVENTS, *billing.EVENTS, *compliance.EVENTS)
}
