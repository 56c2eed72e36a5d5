"""Reading a file that anybody may have made."""

import csv
import io
from collections.abc import Iterator

from carbot_crm.imports.models import MOST_COLUMNS, Failure, Row, Table

MOST_ROWS = 100_000
LONGEST_CELL = 10_000
_DELIMITERS = ";,\t"


class FileRefused(Exception):
    """The file cannot be imported."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure: Failure = failure


def read_table(content: bytes) -> Table:
    """Return the header and the rows that are not empty; raise FileRefused."""
    text = _decoded(content)
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        if not any(columns):
            raise FileRefused("no_header")
        if len(columns) > MOST_COLUMNS:
            raise FileRefused("too_many_columns")
        _refuse_long(columns)
        rows = list(_rows(reader, len(columns)))
    except csv.Error:
        raise FileRefused("not_readable") from None
    if not rows:
        raise FileRefused("no_rows")
    return Table(columns, rows)


def _decoded(content: bytes) -> str:
    """Decode as UTF-8, else as Windows-1252, which spreadsheets of German workshops write."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # No text has them, but UTF-16 read as anything else does.
        if "\x00" not in text:
            return text
    raise FileRefused("wrong_encoding")


def _rows(reader: Iterator[list[str]], width: int) -> Iterator[Row]:
    for number, cells in enumerate(reader, start=2):
        if len(cells) > MOST_COLUMNS:
            raise FileRefused("too_many_columns")
        if number > MOST_ROWS + 1:
            raise FileRefused("too_many_rows")
        _refuse_long(cells)
        if any(cell.strip() for cell in cells):
            yield Row(number, (cells + [""] * (width - len(cells)))[:width])


def _refuse_long(cells: list[str]) -> None:
    if any(len(cell) > LONGEST_CELL for cell in cells):
        raise FileRefused("cell_too_long")
