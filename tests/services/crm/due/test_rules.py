"""When the law wants a vehicle inspected: StVZO, Anlage VIII no. 2, by hand."""

from datetime import date

import pytest

from carbot_crm.due.rules import Plaque, VehicleClass, in_season, needs_au, next_calendar_month, next_hu, plaque
from carbot_crm.due.schedule import inspections

NEW = date(2024, 3, 15)


@pytest.mark.parametrize(
    ("vehicle_class", "first", "following"),
    [
        ("car", date(2027, 3, 31), date(2028, 5, 31)),
        ("motorcycle", date(2026, 3, 31), date(2028, 5, 31)),
        ("taxi", date(2025, 3, 31), date(2027, 5, 31)),
        ("rental", date(2025, 3, 31), date(2027, 5, 31)),
        ("bus", date(2025, 3, 31), date(2027, 5, 31)),
        ("truck_light", date(2026, 3, 31), date(2028, 5, 31)),
        ("truck_medium", date(2025, 3, 31), date(2027, 5, 31)),
        ("trailer_light", date(2027, 3, 31), date(2028, 5, 31)),
        ("trailer_medium", date(2026, 3, 31), date(2028, 5, 31)),
        ("trailer_heavy", date(2025, 3, 31), date(2027, 5, 31)),
        ("motorhome_light", date(2027, 3, 31), date(2028, 5, 31)),
        ("motorhome_heavy", date(2025, 3, 31), date(2027, 5, 31)),
        ("other", None, None),
    ],
)
def test_inspection_is_due(vehicle_class: VehicleClass, first: date | None, following: date | None) -> None:
    assert next_hu(vehicle_class, NEW, None) == first
    assert next_hu(vehicle_class, NEW, date(2026, 5, 4)) == following


def test_counts_from_the_real_inspection_however_late_it_was() -> None:
    assert next_hu("car", date(2015, 1, 10), date(2026, 11, 2)) == date(2028, 11, 30)


def test_knows_nothing_without_a_date() -> None:
    assert next_hu("car", None, None) is None


def test_ends_in_february_as_february_does() -> None:
    assert next_hu("car", None, date(2026, 2, 28)) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("inspected", "due"),
    [
        # Registered 2020-01: month 72 is 2026-01. VG Koblenz, 5 K 916/13.KO: at month 63 only twelve more.
        (date(2024, 1, 20), date(2026, 1, 31)),
        (date(2024, 2, 20), date(2025, 2, 28)),
        (date(2025, 4, 20), date(2026, 4, 30)),
    ],
)
def test_motorhome_grows_old(inspected: date, due: date) -> None:
    assert next_hu("motorhome_medium", date(2020, 1, 5), inspected) == due


@pytest.mark.parametrize(
    ("year", "colour"),
    [(2025, "orange"), (2026, "blue"), (2027, "yellow"), (2028, "brown"), (2029, "pink"), (2030, "green")],
)
def test_plaque_tells_the_year(year: int, colour: str) -> None:
    assert plaque(date(year, 8, 31)) == Plaque(colour, 8, year)  # pyright: ignore[reportArgumentType] - a colour's name


@pytest.mark.parametrize(
    ("due", "season", "come_by"),
    [
        (date(2026, 8, 31), (4, 10), date(2026, 8, 31)),
        (date(2026, 11, 30), (4, 10), date(2027, 4, 30)),
        (date(2027, 2, 28), (4, 10), date(2027, 4, 30)),
        (date(2026, 12, 31), (10, 3), date(2026, 12, 31)),
        (date(2026, 6, 30), (10, 3), date(2026, 10, 31)),
    ],
)
def test_seasonal_plate_waits_for_its_season(due: date, season: tuple[int, int], come_by: date) -> None:
    assert in_season(due, *season) == come_by


def test_exhaust_is_measured_where_there_is_one() -> None:
    assert needs_au("car", "diesel")
    assert needs_au("car", None)
    assert not needs_au("car", "electric")
    assert not needs_au("trailer_heavy", None)
    assert not needs_au("other", "petrol")


def test_exhaust_measured_two_months_before_counts_for_the_inspection() -> None:
    facts = ("car", "petrol", NEW)
    early = inspections(*facts, last_hu_on=None, last_au_on=date(2026, 12, 31))  # pyright: ignore[reportArgumentType]
    within = inspections(*facts, last_hu_on=None, last_au_on=date(2027, 1, 1))  # pyright: ignore[reportArgumentType]
    assert [each.kind for each in early] == ["hu", "au"]
    assert [each.kind for each in within] == ["hu"]


def test_next_month_of_the_year_begins_after_the_day() -> None:
    assert next_calendar_month([4, 10], date(2026, 4, 2)) == date(2026, 10, 31)
    assert next_calendar_month([4, 10], date(2026, 11, 23)) == date(2027, 4, 30)
    assert next_calendar_month([4], date(2026, 4, 30)) == date(2027, 4, 30)
    assert next_calendar_month([12], date(2026, 11, 30)) == date(2026, 12, 31)
