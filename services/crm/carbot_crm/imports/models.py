"""Imports, their rows and their mapping."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from carbot_core.errors import FieldError
from carbot_crm.customers.models import Customer

TIMER = "import"
LARGEST_BYTES = 50 * 2**20
MOST_COLUMNS = 200

Kind = Literal["customers"]
State = Literal["reading", "uploaded", "checking", "checked", "applying", "applied", "failed"]
Failure = Literal[
    "wrong_encoding", "not_readable", "no_header", "no_rows", "too_many_columns", "too_many_rows", "cell_too_long"
]
Outcome = Literal["inserted", "updated", "unchanged", "failed"]
Field = Literal[
    "first_name",
    "last_name",
    "company",
    "email",
    "phone",
    "street",
    "postal_code",
    "city",
    "country",
    "language",
    "note",
]
Column = Annotated[int, msgspec.Meta(ge=0, lt=MOST_COLUMNS, description="Counted from 0", examples=[0])]
Mapping = dict[Field, Column]


class NewMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which column each field comes; fields that are left out are not imported."""

    mapping: Mapping


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is; the counts are those of the check until it is applied."""

    id: UUID
    workshop_id: UUID | None
    kind: Kind
    file_name: str
    columns: list[str]
    mapping: Mapping
    state: State
    failure: Failure | None
    row_count: int
    reached: int
    """The number of the last row that is worked off, as a spreadsheet counts: the header is 1."""
    inserted: int
    updated: int
    unchanged: int
    failed: int
    created_at: datetime
    updated_at: datetime
    revision: int


class ImportPosition(msgspec.Struct, frozen=True):
    """After which import a page goes on."""

    created_at: datetime
    id: UUID


class Row(msgspec.Struct, frozen=True):
    """A row as it stands in the file."""

    number: int
    cells: list[str]


class ReportRow(msgspec.Struct, frozen=True):
    """What came of a row."""

    number: int
    outcome: Outcome | None
    errors: list[FieldError]


class Table(msgspec.Struct, frozen=True):
    """What a file holds."""

    columns: list[str]
    rows: list[Row]


class Planned(msgspec.Struct, frozen=True):
    """What is to become of a row: `customer` is how it will be, None if the row fails."""

    number: int
    outcome: Outcome
    errors: tuple[FieldError, ...] = ()
    customer: Customer | None = None
