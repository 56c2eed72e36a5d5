r"""Field types that many bodies share, bounded so that whatever they admit can be stored.

Patterns end in `$(?!\n)`: Python's `$` alone also matches before a final line break, and ECMA 262 knows no `\\Z`.
"""

from typing import Annotated

import msgspec
import phonenumbers

from carbot_core.errors import FieldError, Invalid

Line = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$(?!\n)"),
]
"""One line with something to read in it."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Several lines, no control characters but tab and line break."""
Email = Annotated[
    str,
    msgspec.Meta(
        min_length=3,
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]+$(?!\n)",
        examples=["ayse@example.org"],
    ),
]
"""An address with one @ (RFC 5321: 64 before it, 254 in all); whether it exists only a mail can tell."""
Phone = Annotated[
    str, msgspec.Meta(min_length=3, max_length=40, pattern=r"^[0-9+()/ .-]+$(?!\n)", examples=["+49 30 901820"])
]
"""A telephone number as people write it; stored as E.164."""
HttpAddress = Annotated[
    str,
    msgspec.Meta(
        max_length=2000, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$(?!\n)", examples=["https://example.org/contact"]
    ),
]
SmallCount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in the currency's minor unit (cents), and the currency (ISO 4217)."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=10**12)]
    currency: Annotated[str, msgspec.Meta(pattern=r"^EUR$(?!\n)")] = "EUR"


class InvalidPhone(Invalid):
    """This is no telephone number that can be called: write it with its country code, for example +49 30 901820."""


def normalize_phone(text: str, *, region: str = "DE", pointer: str = "/phone") -> str:
    """Return the number as E.164; raise InvalidPhone. `region` is the country that a number without a code is of."""
    stored = _e164(text, region)
    # Zeros where no number begins with one are read otherwise once the country code stands before them.
    if stored is None or _e164(stored, region) != stored:
        raise InvalidPhone(errors=(FieldError(pointer, InvalidPhone.sentence()),))
    return stored


def _e164(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if possible else None


def normalize_email(text: str) -> str:
    """Return the address as it is compared and stored: in lower case."""
    return text.strip().lower()
