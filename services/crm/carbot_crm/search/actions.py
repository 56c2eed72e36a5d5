"""Reading what somebody typed."""

import re
from typing import Final

from carbot_core.errors import FieldError, Invalid
from carbot_crm.search.models import Terms

MOST_WORDS: Final = 3
_SHORTEST: Final = 2
_DIGITS: Final = re.compile(r"[\d\s()/+.-]+")


class SearchTooShort(Invalid):
    """Type at least two letters or digits."""


def read_terms(text: str) -> Terms:
    """Return what to look for; raise SearchTooShort. Of many words the three longest count: they tell most."""
    text = re.sub(r"[%_\\]", " ", text)
    compact = re.sub(r"\W", "", text)
    if len(compact) < _SHORTEST:
        raise SearchTooShort(errors=(FieldError("q", SearchTooShort.sentence()),))
    if _DIGITS.fullmatch(text):
        return Terms((_without_prefix(compact), None, None), compact)
    words = [word for word in re.split(r"[\s,;]+", text) if len(re.sub(r"\W", "", word)) >= _SHORTEST] or [compact]
    kept = sorted(sorted(set(words), key=words.index), key=len, reverse=True)[:MOST_WORDS]
    padded = [*kept, None, None]
    return Terms((padded[0] or compact, padded[1], padded[2]), compact)


def _without_prefix(digits: str) -> str:
    """Return the part of a number that stands in it however it is written: without 00, 0049 or 0."""
    return re.sub(r"^(0049|49|00|0)", "", digits) or digits
