"""How alike two customers are. No clock, no database.

Keys that belong to one person or household weigh most, then the name, then where they live; that one e-mail address or telephone is
shared by people with different first names is what families do, and counts against it.
"""

import re
from typing import Final

from rapidfuzz.distance import JaroWinkler

from carbot_crm.duplicates.models import Facts, Likeness, Reason

LIKELY: Final = 75
"""From here on a pair is shown."""

_POINTS: Final[dict[Reason, int]] = {
    "email": 50,
    "phone": 45,
    "vin": 55,
    "plate": 45,
    "name": 40,
    "similar_name": 28,
    "address": 40,
    "postal_code": 15,
}
_SIMILAR: Final = 0.9
"""Jaro-Winkler: one letter too many, too few or wrong in a name of five or more."""
_OTHER_PERSON: Final = -45
_NUMBER: Final = re.compile(r"\d+\s?[a-z]?\b")


def likeness(one: Facts, other: Facts) -> Likeness:
    """Compare two customers."""
    reasons: list[Reason] = []
    if one.email is not None and one.email == other.email:
        reasons.append("email")
    if one.phone is not None and one.phone == other.phone:
        reasons.append("phone")
    if set(one.vins) & set(other.vins):
        reasons.append("vin")
    if set(one.plates) & set(other.plates):
        reasons.append("plate")
    name = _name(one, other)
    if name is not None:
        reasons.append(name)
    if one.postal_code is not None and one.postal_code == other.postal_code:
        reasons.append("address" if _same_street(one.street, other.street) else "postal_code")
    points = sum(_POINTS[reason] for reason in reasons)
    if name is None:
        points += _OTHER_PERSON
    return Likeness(max(0, min(100, points)), reasons)


def _same_street(one: str, other: str) -> bool:
    """Tell whether two lines name one house: Hauptstr. 5 and Hauptstraße 5, but not Hauptstr. 57."""
    numbers, names = zip(
        *((_NUMBER.findall(line), _NUMBER.sub("", line).strip()) for line in (one, other)), strict=True
    )
    return bool(one) and numbers[0] == numbers[1] and JaroWinkler.similarity(*names) >= _SIMILAR


def _name(one: Facts, other: Facts) -> Reason | None:
    if one.kind != other.kind:
        return None
    if one.kind == "company":
        return _same(one.company, other.company)
    last, first = _same(one.last_name, other.last_name), _first_name(one.first_name, other.first_name)
    if last is None or first is None:
        # Some forms take the names the wrong way round.
        swapped = one.first_name == other.last_name and one.last_name == other.first_name and one.first_name
        return "name" if swapped else None
    return "name" if last == first == "name" else "similar_name"


def _first_name(one: str, other: str) -> Reason | None:
    if not one or not other:
        return "similar_name"
    if one[0] == other[0] and 1 in (len(one.rstrip(".")), len(other.rstrip("."))):
        return "similar_name"
    return _same(one, other)


def _same(one: str, other: str) -> Reason | None:
    if not one or not other:
        return None
    if one == other:
        return "name"
    return "similar_name" if JaroWinkler.similarity(one, other) >= _SIMILAR else None
