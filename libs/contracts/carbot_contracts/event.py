"""What every event has in common."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that a service announces; its fields are the JSON body, its class variables the address.

    Unknown fields are ignored on decoding: an event may grow, and an old consumer reads the new one. A field that must be
    personal is declared with `Personal`, and no stream keeps it longer than its seven days.
    """

    subject: ClassVar[str]
    """service.noun.past_tense.version, for example crm.lead.created.v1; never anything personal."""

    aggregate: ClassVar[str]
    """The field that names the thing whose versions are counted, for example lead_id."""

    def aggregate_id(self) -> UUID:
        """Return the id of the thing that the event is about."""
        aggregate: UUID = getattr(self, self.aggregate)
        return aggregate


Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment: a time with its offset (RFC 3339), never without."""

Personal = msgspec.Meta(extra_json_schema={"x-personal": True})
