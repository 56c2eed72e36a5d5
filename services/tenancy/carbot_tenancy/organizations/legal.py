"""What German law asks of an organisation's data: register, tax numbers, and what each legal form still needs."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET
from stdnum.de import idnr, stnr, vat
from stdnum.exceptions import ValidationError

from carbot_core.errors import FieldError, Invalid
from carbot_tenancy.fields import is_time_zone
from carbot_tenancy.organizations.models import LegalForm, Missing, OrganizationEdit, StoredOrganization

Register = Literal["HRA", "HRB", "GsR"]

REGISTERS: Final[Mapping[LegalForm, Register | None]] = {
    "einzelunternehmen": None,
    "gbr": None,
    "ek": "HRA",
    "ohg": "HRA",
    "kg": "HRA",
    "gmbh_co_kg": "HRA",
    "egbr": "GsR",
    "gmbh": "HRB",
    "ug": "HRB",
    "ag": "HRB",
}
"""Handelsregister, part A or B, or Gesellschaftsregister (since 2024, section 707a BGB); of a GmbH & Co. KG the KG's entry."""

ALPHA_3: Final[Mapping[str, str]] = {"DE": "DEU"}
"""ISO 3166-1, for the countries where organisations may be registered."""

_REGISTER_NUMBER = re.compile(r"(HRA|HRB|GsR)\s?([0-9]{1,6})(?:\s?([A-Z]{1,3}))?", re.IGNORECASE)


class InvalidLegalData(Invalid):
    """The organisation cannot be so: see errors."""


def apply(edit: OrganizationEdit, organization: StoredOrganization) -> StoredOrganization:
    """Return the organisation as it will be, each number in its one spelling; raise InvalidLegalData."""
    said = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    changes = {name: value.strip(" ") if isinstance(value, str) else value for name, value in said.items()}
    errors: list[FieldError] = []
    for name, (read, mend) in _READERS.items():
        if changes.get(name) is not None:
            changes[name] = read(changes[name])
            if changes[name] is None:
                errors.append(FieldError(f"/{name}", mend))
    if not errors:
        changed = msgspec.structs.replace(organization, **changes)
        errors = contradictions(changed)
        if not errors:
            return changed
    raise InvalidLegalData(errors=tuple(errors))


def contradictions(organization: StoredOrganization) -> list[FieldError]:
    """Return in what the register's court and number contradict each other or the legal form."""
    form, register = organization.legal_form, REGISTERS[organization.legal_form]
    said: dict[str, Any] = {
        "register_court": organization.register_court,
        "register_number": organization.register_number,
    }
    given = [name for name, value in said.items() if value is not None]
    if register is None:
        mend = f"The legal form {form} is in no register: send null, or the legal form that is"
        return [FieldError(f"/{name}", mend) for name in given]
    errors = [
        FieldError(f"/{name}", "Court and number come together: send this one as well, or null for both")
        for name in said
        if given and name not in given
    ]
    if organization.register_number is not None and not organization.register_number.startswith(register):
        mend = f"The legal form {form} is in the register {register}: send a number such as {register} 12345"
        errors.append(FieldError("/register_number", mend))
    return errors


def missing(organization: StoredOrganization) -> list[Missing]:
    """Return what the legal form still needs."""
    registered = REGISTERS[organization.legal_form] is not None
    needs: dict[Missing, bool] = {
        "register_court": registered and organization.register_court is None,
        "register_number": registered and organization.register_number is None,
        "vat_id_or_tax_number": organization.vat_id is None and organization.tax_number is None,
    }
    return [name for name, needed in needs.items() if needed]


def read_register_number(text: str) -> str | None:
    """Return register, number and suffix with one space between them, or None if it is no such number."""
    match = _REGISTER_NUMBER.fullmatch(text)
    if match is None:
        return None
    register, digits, suffix = match[1].upper().replace("GSR", "GsR"), match[2], (match[3] or "").upper()
    return f"{register} {digits} {suffix}".rstrip()


def read_vat_id(text: str) -> str | None:
    """Return DE and the nine digits, whose last one checks the others (ISO 7064 MOD 11,10), or None."""
    try:
        return f"DE{vat.validate(text)}"
    except ValidationError:
        return None


def read_tax_number(text: str) -> str | None:
    """Return the digits of a Steuernummer, regional or federal, or None.

    Eleven digits may as well be somebody's Steuer-IdNr, which we must not collect (section 139b AO): what passes as one is a
    Steuernummer only if it is written as one, with slashes.
    """
    if "/" not in text and idnr.is_valid(text):
        return None
    try:
        return stnr.validate(text)
    except ValidationError:
        return None


def _read_time_zone(text: str) -> str | None:
    return text if is_time_zone(text) else None


_READERS: Final[Mapping[str, tuple[Callable[[str], str | None], str]]] = {
    "register_number": (read_register_number, "Write HRA, HRB or GsR and up to six digits, for example HRB 12345 B"),
    "vat_id": (read_vat_id, "This is no German USt-IdNr: write DE and nine digits, for example DE136695976"),
    "tax_number": (
        read_tax_number,
        "This is no Steuernummer: write it as the tax office does, for example 181/815/08155, and no Steuer-IdNr",
    ),
    "time_zone": (_read_time_zone, "There is no such time zone: write an IANA name, for example Europe/Berlin"),
}
"""How what has a form is read, and how to mend what has not."""
