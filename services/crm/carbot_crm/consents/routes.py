"""Consents over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_crm.consents import actions, queries
from carbot_crm.consents.actions import AddressMissing, InvalidConsentRecord
from carbot_crm.consents.models import (
    ConsentPosition,
    ConsentRecord,
    NewConsentRecord,
    NewSaleAddress,
    SaleAddress,
)
from carbot_crm.dependencies import PROVIDERS, Keys
from carbot_crm.send_gate import actions as send_gate
from carbot_crm.send_gate.actions import CustomerNotFound
from carbot_crm.send_gate.models import Channel, Purpose, Verdict

READ = [web.requires(scopes.COMMUNICATIONS_READ)]
WRITE = [web.requires(scopes.COMMUNICATIONS_WRITE)]


@get("/consents", guards=READ, responses=web.problems(CustomerNotFound, InvalidCursor))
async def list_consents(
    customer_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[ConsentRecord]:
    """List what a customer said of advertising, newest first: the proof."""
    await send_gate.find_recipient(tx, customer_id)
    keyset = web.Keyset(ConsentPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, customer_id))
    return keyset.page(await queries.list_records(tx, customer_id, after=keyset.after, limit=keyset.fetch))


@post("/consents", guards=WRITE, responses=web.problems(CustomerNotFound, InvalidConsentRecord, AddressMissing))
async def create_consent(
    customer_id: FromPath[UUID], data: JSONBody[NewConsentRecord], tx: web.Tx, keys: Keys, now: web.Now
) -> ConsentRecord:
    """Record a consent, its withdrawal or an objection; it counts at once."""
    return await actions.record_consent(tx, keys, customer_id, data, now)


@post("/sale-addresses", guards=WRITE, responses=web.problems(CustomerNotFound, InvalidConsentRecord, AddressMissing))
async def create_sale_address(
    customer_id: FromPath[UUID], data: JSONBody[NewSaleAddress], tx: web.Tx, keys: Keys, now: web.Now
) -> SaleAddress:
    """Record that the customer's present address was obtained with a sale (section 7(3) UWG)."""
    return await actions.record_sale_address(tx, keys, customer_id, data, now)


@get("/send-verdict", guards=READ, responses=web.problems(CustomerNotFound))
async def read_send_verdict(
    customer_id: FromPath[UUID],
    tx: web.Tx,
    keys: Keys,
    purpose: FromQuery[Annotated[Purpose, QueryParameter(description="What would be written")]] = "newsletter",
    channel: FromQuery[Annotated[Channel, QueryParameter(description="By which way")]] = "email",
) -> Verdict:
    """Ask whether a message to a customer could be sent now, on which ground, or what forbids it."""
    recipient = await send_gate.find_recipient(tx, customer_id)
    return await send_gate.assess(tx, keys, recipient, channel, purpose)


CONSENTS = Router(
    "/api/crm/v1/customers/{customer_id:str}",
    route_handlers=[list_consents, create_consent, create_sale_address, read_send_verdict],
    dependencies=PROVIDERS,
)
