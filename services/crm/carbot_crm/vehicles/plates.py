"""German licence plates (FZV 2023, section 9 and annex 1), and whatever else is screwed to a vehicle."""

import re
import unicodedata

_GERMAN = re.compile(r"([A-ZÄÖÜ]{1,3})[ -]([A-Z]{1,2})[ -]?([1-9][0-9]{0,3})([HE])?")
_LONGEST = 8
"""Characters on a plate, the suffix among them."""


def read_plate(written: str) -> str:
    """Return a plate in its one form, for example HH-AB 123E.

    What has not the form of a German plate (authorities, dealers' red ones, foreign ones, or no separator that tells where
    the district ends) is kept in capitals as it is: a plate that we do not know must not stop anybody.
    """
    text = " ".join(unicodedata.normalize("NFC", written).upper().split())
    match = _GERMAN.fullmatch(text)
    if match is None:
        return text
    district, letters, number, suffix = match.groups(default="")
    fits = len(district + letters + number + suffix) <= _LONGEST
    return f"{district}-{letters} {number}{suffix}" if fits else text
