"""Opening hours: which lists of them make sense."""

from itertools import pairwise

from carbot_core.errors import FieldError, Invalid
from carbot_tenancy.locations.models import OpeningHours


class ClosesBeforeOpening(Invalid):
    """A location closes later than it opens: write what goes past midnight as two days, the first until 24:00."""


class OverlappingHours(Invalid):
    """Two of the opening hours overlap: join them to one."""


def in_order(hours: list[OpeningHours]) -> list[OpeningHours]:
    """Return opening hours in the order of the week; raise ClosesBeforeOpening or OverlappingHours."""
    for place, each in enumerate(hours):
        # Times of one length compare like their digits.
        if each.closes <= each.opens:
            pointer = f"/opening_hours/{place}/closes"
            raise ClosesBeforeOpening(errors=(FieldError(pointer, ClosesBeforeOpening.sentence()),))
    ordered = sorted(enumerate(hours), key=lambda placed: placed[1])
    for (earlier, first), (later, second) in pairwise(ordered):
        if first.weekday == second.weekday and second.opens < first.closes:
            pointer = f"/opening_hours/{max(earlier, later)}"
            raise OverlappingHours(errors=(FieldError(pointer, OverlappingHours.sentence()),))
    return [each for _, each in ordered]
