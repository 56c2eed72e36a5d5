"""Which column is which, from what people call them."""

import re
import unicodedata
from typing import Final

from carbot_crm.imports.models import Field, Mapping

NAMES: Final[dict[Field, frozenset[str]]] = {
    "first_name": frozenset({"vorname", "firstname", "givenname", "rufname"}),
    "last_name": frozenset({"nachname", "name", "lastname", "surname", "familienname", "familyname", "kundenname"}),
    "company": frozenset({"firma", "firmenname", "unternehmen", "company", "companyname", "organisation", "name2"}),
    "email": frozenset({"email", "mail", "emailadresse", "emailaddress", "mailadresse"}),
    "phone": frozenset(
        {
            "telefon",
            "telefonnummer",
            "telefonnr",
            "tel",
            "phone",
            "phonenumber",
            "handy",
            "mobil",
            "mobile",
            "rufnummer",
        }
    ),
    "street": frozenset({"strasse", "str", "strassehausnr", "strassehausnummer", "street", "adresse", "address"}),
    "postal_code": frozenset({"plz", "postleitzahl", "postalcode", "postcode", "zip", "zipcode"}),
    "city": frozenset({"ort", "stadt", "wohnort", "city", "town"}),
    "country": frozenset({"land", "country", "landercode", "laendercode", "countrycode"}),
    "language": frozenset({"sprache", "language"}),
    "note": frozenset(
        {"notiz", "notizen", "bemerkung", "bemerkungen", "anmerkung", "note", "notes", "comment", "kommentar"}
    ),
}
"""As fold_header writes them."""


def guess_mapping(columns: list[str]) -> Mapping:
    """Return the first column of each field whose name is known."""
    folded = [fold_header(column) for column in columns]
    guessed: Mapping = {}
    for field, names in NAMES.items():
        found = next((index for index, name in enumerate(folded) if name in names), None)
        if found is not None:
            guessed[field] = found
    return guessed


def fold_header(name: str) -> str:
    """Return the letters and digits of a name, without marks: `E-Mail-Adresse` is emailadresse, `Straße` is strasse."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[^a-z0-9]", "", plain)
