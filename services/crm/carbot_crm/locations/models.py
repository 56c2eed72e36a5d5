"""What is kept of a location."""

import msgspec

from carbot_contracts.tenancy import OpeningHours


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workshop is and when it is open."""

    name: str
    address: str
    postal_code: str
    city: str
    phone: str | None
    opening_hours: tuple[OpeningHours, ...]
