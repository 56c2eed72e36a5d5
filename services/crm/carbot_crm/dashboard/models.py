"""What the lead dashboard shows."""

from datetime import date, datetime
from uuid import UUID

import msgspec


class Hot(msgspec.Struct, frozen=True):
    """A lead that should be called first."""

    id: UUID
    name: str
    score: int
    created_at: datetime


class Day(msgspec.Struct, frozen=True):
    """What came in on a day, in the time zone of the workshop."""

    day: date
    leads: int
    converted: int


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """The leads of the last days, counted from the first moment of the first day in the workshop's time zone."""

    days: int
    leads: int
    today: int
    converted: int
    conversion_rate: float
    """Of the leads of these days, those that were converted; 0 to 1."""
    average_score: float
    by_status: dict[str, int]
    by_source: dict[str, int]
    by_classification: dict[str, int]
    by_score: dict[str, int]
    """Leads by tens of their score: 0, 10, ... 90 (with 100)."""
    by_day: list[Day]
    median_response_minutes: float | None
    answered_within_hour: int
    unanswered: int
    hot: list[Hot]
