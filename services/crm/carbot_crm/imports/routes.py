"""Imports over HTTP."""

import csv
import io
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, Router, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_crm.customers.actions import WorkshopNotFound
from carbot_crm.imports import actions, queries
from carbot_crm.imports.actions import (
    FileTooLarge,
    ImportNotFound,
    ImportNotReady,
    ImportRuns,
    NotCsv,
    UnknownColumn,
)
from carbot_crm.imports.models import LARGEST_BYTES, Import, ImportPosition, Kind, NewMapping

READ = [web.requires(scopes.IMPORTS_READ)]
WRITE = [web.requires(scopes.IMPORTS_WRITE)]
_PAGE = 5_000


@post(
    "/",
    status_code=202,
    guards=WRITE,
    request_max_body_size=LARGEST_BYTES,
    responses=web.problems(NotCsv, FileTooLarge, WorkshopNotFound),
)
async def create_import(
    request: Request[Any, Any, Any],
    tx: web.Tx,
    now: web.Now,
    kind: FromQuery[Kind],
    file_name: FromQuery[Annotated[str, QueryParameter(min_length=1, max_length=200)]],
    workshop_id: FromQuery[
        Annotated[UUID | None, QueryParameter(description="Whose customers they become; none for the organisation's")]
    ] = None,
) -> Import:
    """Upload a CSV file as the body (text/csv, UTF-8 or Windows-1252, a header in its first row, at most 100 000 rows).

    It is read by and by: see the import for its columns and the mapping that was guessed. Customers of the workshop and those of
    none are known again by e-mail, else by telephone, else by name and postal code.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
        raise NotCsv
    content = await request.body()
    return await actions.create_import(tx, kind, content, workshop_id=workshop_id, file_name=file_name, now=now)


@get("/", guards=READ, responses=web.problems(InvalidCursor))
async def list_imports(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Import]:
    """List imports, newest first."""
    keyset = web.Keyset(ImportPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id,))
    return keyset.page(await queries.list_imports(tx, after=keyset.after, limit=keyset.fetch))


@get("/{import_id:str}", guards=READ, responses=web.problems(ImportNotFound))
async def read_import(import_id: FromPath[UUID], tx: web.Tx) -> Import:
    """See how far an import is."""
    found = await queries.find_import(tx, import_id)
    if found is None:
        raise ImportNotFound(import_id=import_id)
    return found


@put("/{import_id:str}/mapping", guards=WRITE, responses=web.problems(ImportNotFound, ImportNotReady, UnknownColumn))
async def edit_mapping(import_id: FromPath[UUID], data: JSONBody[NewMapping], tx: web.Tx, now: web.Now) -> Import:
    """Say which column is which, before the import is applied."""
    return await actions.edit_mapping(tx, import_id, data.mapping, now)


@post(
    "/{import_id:str}/check",
    status_code=202,
    guards=WRITE,
    responses=web.problems(ImportNotFound, ImportNotReady),
)
async def check_import(import_id: FromPath[UUID], tx: web.Tx, now: web.Now) -> Import:
    """Try what would become of every row and change nothing: see the report when the state is `checked`."""
    return await actions.check_import(tx, import_id, now)


@post(
    "/{import_id:str}/apply",
    status_code=202,
    guards=WRITE,
    responses=web.problems(ImportNotFound, ImportNotReady, ImportRuns),
)
async def apply_import(import_id: FromPath[UUID], tx: web.Tx, now: web.Now) -> Import:
    """Take up the rows of an import that was checked; rows with errors are left out."""
    return await actions.apply_import(tx, import_id, now)


@get("/{import_id:str}/report.csv", guards=READ, media_type="text/csv", responses=web.problems(ImportNotFound))
async def read_import_report(import_id: FromPath[UUID], tx: web.Tx) -> Response[str]:
    """Read what came of each row and what is wrong with it, under its number in the spreadsheet."""
    if await queries.find_import(tx, import_id) is None:
        raise ImportNotFound(import_id=import_id)
    text, after = io.StringIO(), 0
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["row", "outcome", "errors"])
    while page := await queries.list_report(tx, import_id, after=after, limit=_PAGE):
        for row in page:
            errors = (f"{error.pointer.removeprefix('/')}: {error.message}".removeprefix(": ") for error in row.errors)
            writer.writerow([row.number, row.outcome or "", " | ".join(errors)])
        after = page[-1].number
    headers = {"content-disposition": 'attachment; filename="report.csv"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv", headers=headers)


IMPORTS = Router(
    "/api/crm/v1/imports",
    route_handlers=[
        create_import,
        list_imports,
        read_import,
        edit_mapping,
        check_import,
        apply_import,
        read_import_report,
    ],
)
