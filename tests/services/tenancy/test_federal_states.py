"""The federal state of a postal code."""

from itertools import pairwise
from typing import get_args

import pytest

from carbot_tenancy import federal_states
from carbot_tenancy.federal_states import NUMBERS, FederalState, state_of


@pytest.mark.parametrize(
    ("state", "codes"),
    [
        ("DE-BB", ("14467", "03046", "15230", "14770", "16225", "01968", "04916", "17291")),
        ("DE-BE", ("10115", "12043", "13347", "14193", "11011")),
        ("DE-BW", ("70173", "76131", "79098", "89073", "68159", "69117", "88045", "97980", "74072")),
        ("DE-BY", ("80331", "90402", "86150", "93047", "97070", "63739", "87435", "88131", "96450", "89231")),
        ("DE-HB", ("28195", "28779", "27568", "27580")),
        ("DE-HE", ("60311", "34117", "64283", "65183", "35037", "36037", "68623", "68519", "55246")),
        ("DE-HH", ("20095", "21073", "22767", "21149", "27499")),
        ("DE-MV", ("19053", "18055", "17033", "17489", "23966", "18439", "17309")),
        ("DE-NI", ("30159", "38100", "26121", "49074", "37073", "21335", "27472", "48527", "38440")),
        ("DE-NW", ("40213", "50667", "44135", "33602", "48143", "52062", "57072", "32423", "59065")),
        ("DE-RP", ("55116", "56068", "67059", "54290", "67655", "76829", "66482", "57518")),
        ("DE-SH", ("24103", "23552", "24937", "25746", "22844", "27498", "21502")),
        ("DE-SL", ("66111", "66424", "66740", "66606")),
        ("DE-SN", ("01067", "04109", "09111", "08056", "02826", "02625")),
        ("DE-ST", ("39104", "06108", "38820", "06844", "29410", "39576")),
        ("DE-TH", ("99084", "07743", "07545", "98527", "36433", "37308", "96515", "04600", "06567")),
    ],
)
def test_is_that_of_its_cities(state: str, codes: tuple[str, ...]) -> None:
    assert {code: state_of(code) for code in codes} == dict.fromkeys(codes, state)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("07919", "DE-SN"),  # Pausa-Mühltroff; Kirschkau is Thuringia's
        ("12529", "DE-BB"),  # Schönefeld, among codes of Berlin
        ("12527", "DE-BE"),
        ("14715", "DE-BB"),  # Milower Land; Schollene is Saxony-Anhalt's
        ("17326", "DE-BB"),  # Brüssow, among codes of Mecklenburg
        ("17337", "DE-BB"),  # Uckerland; Groß Luckow is Mecklenburg's
        ("17335", "DE-MV"),  # Strasburg
        ("19273", "DE-NI"),  # Amt Neuhaus; Teldau is Mecklenburg's
        ("19348", "DE-BB"),  # Perleberg
        ("21039", "DE-HH"),  # Bergedorf; Börnsen is Schleswig-Holstein's
        ("21522", "DE-NI"),  # Hohnstorf, on the other bank of the Elbe
        ("37194", "DE-NI"),  # Bodenfelde; Wahlsburg is Hesse's
        ("51598", "DE-RP"),  # Friesenhagen, among codes of North Rhine-Westphalia
        ("55252", "DE-HE"),  # Mainz-Kastel, which is Wiesbaden's
        ("59969", "DE-NW"),  # Hallenberg; Bromskirchen is Hesse's
        ("63776", "DE-BY"),  # Mömbris
        ("69434", "DE-HE"),  # Hirschhorn; Heddesbach is Baden-Württemberg's
        ("88147", "DE-BW"),  # Achberg, among codes of Bavaria
        ("89312", "DE-BY"),  # Günzburg, among codes of Ulm
        ("97877", "DE-BW"),  # Wertheim
        ("97892", "DE-BY"),  # Kreuzwertheim, on the other bank of the Main
        ("97896", "DE-BW"),  # Freudenberg
    ],
)
def test_is_that_of_most_who_live_there_at_a_border(code: str, state: str) -> None:
    assert state_of(code) == state


@pytest.mark.parametrize("code", ["00000", "01000", "05000", "09999", "43210", "62000", "87491", "87568", "99999"])
def test_is_none_where_there_is_no_such_code(code: str) -> None:
    assert state_of(code) is None


def test_ranges_leave_no_doubt() -> None:
    ranges = federal_states._RANGES  # pyright: ignore[reportPrivateUsage] - the table itself is looked at
    assert all(each.first <= each.last and len(each.first) == len(each.last) == 5 for each in ranges)
    assert [(one, two) for one, two in pairwise(ranges) if one.last >= two.first] == []
    assert {each.state for each in ranges} == set(get_args(FederalState)) == set(NUMBERS)
    assert sorted(NUMBERS.values()) == [f"{number:02}" for number in range(1, 17)]
