"""The application: `uvicorn tests.perf.peer.app:app`."""

import os
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from tests.perf.peer.tables import Interaction, Lead, Outgoing, Workshop

_CACHE = int(os.environ["PEER_STATEMENT_CACHE"])
_engine = create_async_engine(
    os.environ["PEER_DATABASE_URL"],
    pool_size=10,
    max_overflow=0,
    connect_args={
        "statement_cache_size": _CACHE,
        "prepared_statement_cache_size": _CACHE,
        # As SQLAlchemy recommends behind PgBouncer.
        "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__",
    },
)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)
_keys = jwt.PyJWKClient(os.environ["PEER_JWKS_URL"])
_bearer = HTTPBearer()

# As CarBot does without an endpoint to export to.
trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))
app = FastAPI()
FastAPIInstrumentor.instrument_app(app)
SQLAlchemyInstrumentor().instrument(engine=_engine.sync_engine)


class Caller(BaseModel):
    sub: UUID
    org: UUID
    scopes: list[str]


class NewLead(BaseModel):
    model_config = ConfigDict(extra="forbid")
    workshop_id: UUID
    source: Literal["website", "widget", "phone", "email", "walk_in", "referral", "import"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    phone: Annotated[str, Field(max_length=40)] | None = None
    email: Annotated[str, Field(max_length=254)] | None = None
    request: Annotated[str, Field(min_length=1, max_length=4000)]
    vehicle: Annotated[str, Field(max_length=200)] | None = None
    language: Literal["de", "en", "tr", "pl"] = "de"


class LeadOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    workshop_id: UUID
    source: str
    name: str
    phone: str | None
    email: str | None
    request: str
    vehicle: str | None
    language: str
    source_url: str | None
    status: str
    priority: int
    estimated_value: int | None
    assigned_to: UUID | None
    next_follow_up_at: datetime | None
    lost_reason: str | None
    created_at: datetime
    updated_at: datetime
    revision: int


class Page(BaseModel):
    items: list[LeadOut]
    next_cursor: str | None


def caller(credentials: Annotated[HTTPAuthorizationCredentials, Depends(_bearer)]) -> Caller:
    token = credentials.credentials
    try:
        key = _keys.get_signing_key_from_jwt(token).key
        return Caller.model_validate(jwt.decode(token, key, algorithms=["EdDSA"], audience="carbot"))
    except jwt.PyJWTError as error:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED) from error


class Requires:
    def __init__(self, scope: str) -> None:
        self._scope = scope

    def __call__(self, asking: Annotated[Caller, Depends(caller)]) -> Caller:
        if self._scope not in asking.scopes:
            raise HTTPException(status.HTTP_403_FORBIDDEN)
        return asking


async def session(asking: Annotated[Caller, Depends(caller)]) -> AsyncGenerator[AsyncSession]:
    settings = {
        "carbot.organization": str(asking.org),
        "carbot.user": str(asking.sub),
        "carbot.actor": f"user:{asking.sub}",
        "carbot.workshops": "all",
        "carbot.request": str(uuid4()),
        "carbot.trace": "",
    }
    async with _sessions() as opened, opened.begin():
        await opened.execute(select(*(func.set_config(name, value, True) for name, value in settings.items())))
        yield opened


Session = Annotated[AsyncSession, Depends(session, scope="function")]


@app.get("/api/crm/v1/leads")
async def list_leads(
    asking: Annotated[Caller, Depends(Requires("crm.leads:read"))],
    session: Session,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page:
    found = await session.scalars(
        select(Lead)
        .where(Lead.organization_id == asking.org)
        .order_by(Lead.created_at.desc(), Lead.id.desc())
        .limit(limit + 1)
    )
    rows = [LeadOut.model_validate(row) for row in found]
    return Page(items=rows[:limit], next_cursor=str(rows[limit].id) if len(rows) > limit else None)


@app.post("/api/crm/v1/leads", status_code=status.HTTP_201_CREATED)
async def create_lead(
    new: NewLead, asking: Annotated[Caller, Depends(Requires("crm.leads:write"))], session: Session
) -> LeadOut:
    workshop = await session.scalar(
        select(Workshop).where(Workshop.organization_id == asking.org, Workshop.id == new.workshop_id)
    )
    if workshop is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    now = datetime.now(UTC)
    lead = Lead(organization_id=asking.org, id=uuid4(), created_at=now, updated_at=now, **new.model_dump())
    session.add(lead)
    await session.flush()
    session.add(
        Interaction(
            organization_id=asking.org,
            id=uuid4(),
            lead_id=lead.id,
            workshop_id=lead.workshop_id,
            kind="note",
            author_id=asking.sub,
            text=new.request,
            created_at=now,
        )
    )
    out = LeadOut.model_validate(lead)
    session.add(
        Outgoing(
            event_id=uuid4(),
            organization_id=asking.org,
            subject="crm.lead.created.v1",
            aggregate_id=lead.id,
            aggregate_version=lead.revision,
            body=out.model_dump_json(include={"id", "workshop_id", "source", "created_at"}).encode(),
        )
    )
    return out
