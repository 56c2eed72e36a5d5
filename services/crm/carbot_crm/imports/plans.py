"""What is to become of rows, decided without the database."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.errors import FieldError, Invalid, explain
from carbot_core.ids import new_id
from carbot_crm.customers.actions import complete
from carbot_crm.customers.models import Customer, CustomerEdit, NewCustomer
from carbot_crm.imports.models import Mapping, Planned, Row

type Key = tuple[str, ...]

_NO_KEY = FieldError(
    "", "Give an e-mail address, a telephone number or a postal code: without one nobody is known again"
)
_TWICE = FieldError("", "An earlier row of this file stands for the same customer")
_FORMULA = "Begins like a formula"


class Draft(msgspec.Struct, frozen=True):
    """A row that was read: `values` are those that it gives, in their stored form."""

    number: int
    values: dict[str, str]
    errors: tuple[FieldError, ...] = ()


def draft(row: Row, mapping: Mapping) -> Draft:
    """Read a row as a new customer would be read, and say everything that is wrong with it."""
    values = {field: cell for field, column in mapping.items() if (cell := row.cells[column].strip())}
    errors = tuple(FieldError(f"/{field}", _FORMULA) for field, cell in values.items() if cell[0] in "=@")
    errors += tuple(error for field, cell in values.items() for error in _wrong(field, cell))
    if errors:
        return Draft(row.number, values, errors)
    kind = "company" if "company" in values and "last_name" not in values else "person"
    try:
        new = complete(msgspec.convert({**values, "kind": kind}, NewCustomer))
    except Invalid as refusal:
        return Draft(row.number, values, refusal.errors)
    if not (new.email or new.phone or new.postal_code):
        return Draft(row.number, values, (_NO_KEY,))
    return Draft(row.number, {"kind": kind, **{field: getattr(new, field) for field in values}})


def _wrong(field: str, cell: str) -> Iterable[FieldError]:
    try:
        msgspec.convert({field: cell}, CustomerEdit)
    except msgspec.ValidationError as error:
        yield FieldError(f"/{field}", explain(str(error).partition(" - at `")[0]))


class Known:
    """The customers that rows may stand for: of one key the oldest, as they are after the rows before."""

    def __init__(self, customers: Iterable[Customer], taken: set[UUID]) -> None:
        self._taken = taken
        self._by_key: dict[Key, dict[UUID, Customer]] = {}
        for customer in customers:
            self._add(customer)

    def plan(self, read: Draft, workshop_id: UUID | None, now: datetime) -> Planned:
        """Tell what becomes of a row, and remember it for the rows that follow."""
        if read.errors:
            return Planned(read.number, "failed", read.errors)
        before = self._find(read.values)
        if before is None:
            made = _made(read.values, workshop_id, now)
            self._taken.add(made.id)
            self._add(made)
            return Planned(read.number, "inserted", (), made)
        if before.id in self._taken:
            return Planned(read.number, "failed", (_TWICE,))
        values = {field: value for field, value in read.values.items() if field != "kind"}
        after = msgspec.structs.replace(before, **values)
        self._taken.add(before.id)
        # Who has a new number is not known by the old one any more, as the next batch will see.
        for key in _keys(before):
            del self._by_key[key][before.id]
        self._add(after)
        return Planned(read.number, "unchanged" if after == before else "updated", (), after)

    def _find(self, values: dict[str, str]) -> Customer | None:
        """Find by e-mail, else by telephone, else by name and place; who has another e-mail is somebody else."""
        email, phone = values.get("email"), values.get("phone")
        if email:
            return self._oldest(("email", email)) or (self._oldest(("phone without email", phone)) if phone else None)
        return self._oldest(("phone", phone) if phone else _place(values))

    def _oldest(self, key: Key) -> Customer | None:
        found = self._by_key.get(key, {}).values()
        return min(found, key=lambda customer: (customer.created_at, customer.id), default=None)

    def _add(self, customer: Customer) -> None:
        for key in _keys(customer):
            self._by_key.setdefault(key, {})[customer.id] = customer


def _keys(customer: Customer) -> Iterable[Key]:
    if customer.email:
        yield ("email", customer.email)
    if customer.phone:
        yield ("phone", customer.phone)
        if not customer.email:
            yield ("phone without email", customer.phone)
    if customer.postal_code:
        yield _place(msgspec.structs.asdict(customer))


def _place(values: dict[str, str]) -> Key:
    names = (values.get(field) or "" for field in ("first_name", "last_name", "company"))
    return ("place", *(name.casefold() for name in names), values["postal_code"])


def _made(values: dict[str, str], workshop_id: UUID | None, now: datetime) -> Customer:
    row = {**dict.fromkeys(NewCustomer.__struct_fields__), "country": "DE", "language": "de", **values}
    more = {"merged_into": None, "restricted_at": None, "restricted_until": None, "source": "import", "revision": 1}
    return msgspec.convert(
        {**row, **more, "id": new_id(), "workshop_id": workshop_id, "created_at": now, "updated_at": now}, Customer
    )
