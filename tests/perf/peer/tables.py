"""The tables, as the ORM sees them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    type_annotation_map = {datetime: TIMESTAMP(timezone=True)}  # noqa: RUF012 - SQLAlchemy's own idiom


class Workshop(Table):
    __tablename__ = "workshops"
    __table_args__ = {"schema": "crm"}  # noqa: RUF012 - the same
    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    is_active: Mapped[bool]


class Lead(Table):
    __tablename__ = "leads"
    __table_args__ = {"schema": "crm"}  # noqa: RUF012 - the same
    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    workshop_id: Mapped[UUID]
    source: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    request: Mapped[str]
    vehicle: Mapped[str | None]
    language: Mapped[str]
    source_url: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="new")
    priority: Mapped[int] = mapped_column(default=50)
    estimated_value: Mapped[int | None] = mapped_column(BigInteger)
    assigned_to: Mapped[UUID | None]
    next_follow_up_at: Mapped[datetime | None]
    lost_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(BigInteger, default=1)


class Interaction(Table):
    __tablename__ = "lead_interactions"
    __table_args__ = {"schema": "crm"}  # noqa: RUF012 - the same
    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    lead_id: Mapped[UUID]
    workshop_id: Mapped[UUID]
    kind: Mapped[str]
    author_id: Mapped[UUID | None]
    text: Mapped[str | None]
    created_at: Mapped[datetime]


class Outgoing(Table):
    __tablename__ = "outbox"
    __table_args__ = {"schema": "crm"}  # noqa: RUF012 - the same
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    subject: Mapped[str]
    aggregate_id: Mapped[UUID]
    aggregate_version: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[bytes] = mapped_column(LargeBinary)
