"""The federal state of a German postal code, and the number by which municipality keys begin with it.

Postal codes were drawn for lorries, not along borders, so no rule gives the state: it takes a list. This one was compiled from two
published tables of ranges, Business::PLZ 0.11 (VOJ, on CPAN, "same terms as Perl 5") and cebus.net/de/plz-bundesland.htm. Where
they differ, or where a code lies in two states, it has the state in which more of the people with that code live: 07919 and 07952
are Saxony's, 12529, 14715 and 17337 Brandenburg's, 21039 and 22113 Hamburg's, 59969 North Rhine-Westphalia's, 63776 Bavaria's.
It holds ranges as they were handed out, so a code inside of one may have no street yet. Jungholz (87491) and the Kleinwalsertal
(87567 to 87569) have German codes but lie in Austria.
"""

from bisect import bisect_right
from typing import Final, Literal, NamedTuple

from carbot_core.errors import FieldError, Invalid

FederalState = Literal[
    "DE-BB",
    "DE-BE",
    "DE-BW",
    "DE-BY",
    "DE-HB",
    "DE-HE",
    "DE-HH",
    "DE-MV",
    "DE-NI",
    "DE-NW",
    "DE-RP",
    "DE-SH",
    "DE-SL",
    "DE-SN",
    "DE-ST",
    "DE-TH",
]
"""ISO 3166-2."""

NUMBERS: Final[dict[FederalState, str]] = {
    "DE-SH": "01",
    "DE-HH": "02",
    "DE-NI": "03",
    "DE-HB": "04",
    "DE-NW": "05",
    "DE-HE": "06",
    "DE-RP": "07",
    "DE-BW": "08",
    "DE-BY": "09",
    "DE-SL": "10",
    "DE-BE": "11",
    "DE-BB": "12",
    "DE-MV": "13",
    "DE-SN": "14",
    "DE-ST": "15",
    "DE-TH": "16",
}
"""The first two digits of each municipality key (Amtlicher Gemeindeschlüssel)."""

_CODES: Final[dict[FederalState, str]] = {
    "DE-BB": """01941-01998 03001-03253 04891-04938 12529 14401-16949 17260-17291 17326 17337 19307-19357""",
    "DE-BE": """10001-12527 12531-14330""",
    "DE-BW": """68001-68312 68520-68549 68700-69234 69240-69429 69435-69469 69489-69502 69510-69514 70001-76709 77600-79879
        88001-88099 88147 88180-89198 89500-89619 97860-97877 97893-97900 97910-97999""",
    "DE-BY": """63700-63939 80001-87490 87493-87561 87570-87789 88100-88146 88148-88179 89200-89449 90001-96489 97001-97859
        97888-97892 97901-97909""",
    "DE-HB": """27500-27580 28001-28779""",
    "DE-HE": """34001-34329 34356-34399 34440-36399 37195 37200-37299 55240-55252 60001-61999 63001-63699 64200-65556
        65583-65620 65627 65700-65936 68501-68519 68600-68649 69235-69239 69430-69434 69479-69488 69503-69509 69515-69518""",
    "DE-HH": """20001-21170 22001-22786 27499""",
    "DE-MV": """17001-17259 17301-17325 17328-17336 17338-19260 19274-19306 19358-19417 23920-23999""",
    "DE-NI": """19271-19273 21202-21449 21522 21600-21789 26001-27478 27607-27809 28784-29399 29430-31868 34330-34355
        37001-37194 37197-37199 37400-37649 37689-37691 37697-38479 38500-38729 48442-48465 48478-48480 48486-48488
        48497-48531 49001-49459 49550-49849""",
    "DE-NW": """32001-33829 34400-34439 37650-37688 37692-37696 40001-42999 44001-48432 48466-48477 48481-48485
        48489-48496 48541-48739 49461-49549 50100-51597 51600-53359 53580-53604 53620-53949 57001-57489 58001-59969""",
    "DE-RP": """51598 53400-53579 53614-53619 54181-55239 55253-56869 57500-57648 65558-65582 65621-65626 65629
        66460-66509 66840-67829 76710-76891""",
    "DE-SH": """21450-21521 21524-21529 22800-23919 24001-25999 27483-27498""",
    "DE-SL": """66001-66459 66510-66839""",
    "DE-SN": """01001-01936 02600-02999 04001-04579 04640-04889 07919 07951-07952 07982-07985 08001-09669""",
    "DE-ST": """06001-06548 06600-06928 29400-29416 38480-38489 38800-39649""",
    "DE-TH": """04580-04639 06550-06578 07300-07918 07920-07950 07953-07980 07986-07989 36400-36469 37300-37359 96500-96529
        98500-99998""",
}


class UnknownPostalCode(Invalid):
    """No place in Germany has this postal code."""


class _Range(NamedTuple):
    first: str
    last: str
    state: FederalState


def _read(state: FederalState, text: str) -> list[_Range]:
    parts = [codes.partition("-") for codes in text.split()]
    return [_Range(first, last or first, state) for first, _, last in parts]


_RANGES: Final = sorted(found for state, text in _CODES.items() for found in _read(state, text))


def state_of(postal_code: str) -> FederalState | None:
    """Return the federal state of a code of five digits, or None if there is no such code."""
    place = bisect_right(_RANGES, postal_code, key=lambda found: found.first) - 1
    return _RANGES[place].state if place >= 0 and postal_code <= _RANGES[place].last else None


def require_state(postal_code: str) -> FederalState:
    """Return the federal state of the postal code of a body; raise UnknownPostalCode."""
    state = state_of(postal_code)
    if state is None:
        raise UnknownPostalCode(errors=(FieldError("/postal_code", UnknownPostalCode.sentence()),))
    return state
