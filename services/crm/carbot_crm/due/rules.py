"""When the law wants a vehicle inspected, as data, and what follows for the next time. No clock, no database."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, Literal

import msgspec

VehicleClass = Literal[
    "car",
    "taxi",
    "rental",
    "ambulance",
    "motorcycle",
    "truck_light",
    "truck_medium",
    "truck_heavy",
    "bus",
    "trailer_light",
    "trailer_medium",
    "trailer_heavy",
    "motorhome_light",
    "motorhome_medium",
    "motorhome_heavy",
    "tractor",
    "other",
]
Fuel = Literal["petrol", "diesel", "electric", "hybrid", "plug_in_hybrid", "lpg", "cng", "hydrogen", "other"]
PlaqueColour = Literal["blue", "yellow", "brown", "pink", "green", "orange"]


class Interval(msgspec.Struct, frozen=True):
    """Months until the first and until each further inspection.

    With `young_months`, `young` counts instead as long as the next date lies within so many months of the first registration.
    """

    first: int
    following: int
    young: int | None = None
    young_months: int = 0


HU: Final[Mapping[VehicleClass, Interval]] = {
    "car": Interval(36, 24),
    "taxi": Interval(12, 12),
    "rental": Interval(12, 12),
    "ambulance": Interval(12, 12),
    "motorcycle": Interval(24, 24),
    "truck_light": Interval(24, 24),
    "truck_medium": Interval(12, 12),
    "truck_heavy": Interval(12, 12),
    "bus": Interval(12, 12),
    "trailer_light": Interval(36, 24),
    "trailer_medium": Interval(24, 24),
    "trailer_heavy": Interval(12, 12),
    "motorhome_light": Interval(36, 24),
    "motorhome_medium": Interval(24, 12, young=24, young_months=72),
    "motorhome_heavy": Interval(12, 12),
    "tractor": Interval(24, 24),
}
"""StVZO, Anlage VIII no. 2: light is up to 3.5 t (trailers: up to 0.75 t or without a brake), medium up to 7.5 t (trailers: up
to 3.5 t), heavy above. For the motorhome up to 7.5 t see VG Koblenz, 5 K 916/13.KO. `other` has no period in the law."""

_WITHOUT_ENGINE: Final = frozenset({"trailer_light", "trailer_medium", "trailer_heavy"})
_WITHOUT_EXHAUST: Final = frozenset({"electric", "hydrogen"})

_COLOURS: Final[tuple[PlaqueColour, ...]] = ("blue", "yellow", "brown", "pink", "green", "orange")
_BLUE_YEAR: Final = 2008


class Plaque(msgspec.Struct, frozen=True):
    """The plaque on the rear plate (StVZO, Anlage IX): its colour says the year, the number on top the month."""

    colour: PlaqueColour
    month: int
    year: int


def plaque(expiry: date) -> Plaque:
    """Return the plaque that shows the month of this date."""
    return Plaque(_COLOURS[(expiry.year - _BLUE_YEAR) % len(_COLOURS)], expiry.month, expiry.year)


def end_of_month(day: date, months: int = 0) -> date:
    """Return the last day of the month that comes so many months after that of `day`."""
    year, month = divmod(day.year * 12 + day.month + months, 12)
    return date(year, month + 1, 1) - timedelta(days=1)


def next_hu(vehicle_class: VehicleClass, first_registration: date | None, last_hu_on: date | None) -> date | None:
    """Return the last day of the month in which the vehicle is due, or None if that cannot be known.

    The period counts from the month of the real inspection, however late it was (since 2012), else from the first registration.
    """
    interval = HU.get(vehicle_class)
    if interval is None:
        return None
    if last_hu_on is None:
        return end_of_month(first_registration, interval.first) if first_registration else None
    if interval.young is not None and first_registration is not None:
        still_young = end_of_month(last_hu_on, interval.young)
        if still_young <= end_of_month(first_registration, interval.young_months):
            return still_young
    return end_of_month(last_hu_on, interval.following)


def needs_au(vehicle_class: VehicleClass, fuel: Fuel | None) -> bool:
    """Tell whether the inspection has a part for the exhaust: it has where there is an exhaust."""
    return vehicle_class in HU and vehicle_class not in _WITHOUT_ENGINE and fuel not in _WITHOUT_EXHAUST


def in_season(expiry: date, season_from: int | None, season_to: int | None) -> date:
    """Return when a vehicle with a seasonal plate may come: outside its season, the first month of the next one."""
    if season_from is None or season_to is None:
        return expiry
    month = expiry.month
    inside = (
        season_from <= month <= season_to if season_from < season_to else month >= season_from or month <= season_to
    )
    if inside:
        return expiry
    return end_of_month(expiry, (season_from - month) % 12)


def next_calendar_month(months: list[int], after: date) -> date:
    """Return the end of the first of these months of the year that begins after `after`."""
    return end_of_month(after, min((month - after.month - 1) % 12 + 1 for month in months))
