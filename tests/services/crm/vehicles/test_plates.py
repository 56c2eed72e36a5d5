"""Licence plates in their one form."""

import pytest

from carbot_crm.vehicles.plates import read_plate


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("hh-ab 123", "HH-AB 123"),
        ("HH AB123", "HH-AB 123"),
        ("HH-AB-123", "HH-AB 123"),
        ("B-MW 3000E", "B-MW 3000E"),
        ("M-A 1H", "M-A 1H"),
        ("LÖ-X 42", "LÖ-X 42"),
        ("Lo\u0308-X 42", "LÖ-X 42"),
        # Nine characters with the suffix: no German plate.
        ("ABC-DE 1234E", "ABC-DE 1234E"),
        # Nobody can tell HH-AB from H-HAB.
        ("HHAB123", "HHAB123"),
        # No leading zero; a dealer's red plate; a foreign one.
        ("HH-AB 0123", "HH-AB 0123"),
        ("hh 06123", "HH 06123"),
        ("aa 123 bb", "AA 123 BB"),
    ],
)
def test_has_one_form(written: str, stored: str) -> None:
    assert read_plate(written) == stored
