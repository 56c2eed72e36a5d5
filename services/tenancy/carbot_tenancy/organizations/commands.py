"""`python -m carbot_tenancy suspend` and `resume`, as the worker's database role."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import rich_click as click

from carbot_core.cli import command
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database, Tx
from carbot_core.errors import Refusal
from carbot_core.settings import PostgresUrl, read
from carbot_tenancy.organizations import actions


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What these commands need to know."""

    database_url: PostgresUrl
    db_statement_cache: int = 0


async def suspend(organization: UUID, reason: str) -> None:
    async with _transaction(organization) as tx:
        stored = await actions.suspend_organization(tx, reason, utc_now())
    click.echo(f"{stored.slug} is {stored.status}")


async def resume(organization: UUID) -> None:
    async with _transaction(organization) as tx:
        stored = await actions.resume_organization(tx, utc_now())
    click.echo(f"{stored.slug} is {stored.status}")


@asynccontextmanager
async def _transaction(organization_id: UUID) -> AsyncGenerator[Tx]:
    settings = read(DatabaseSettings, os.environ)
    try:
        async with (
            Database.connect(settings.database_url, statement_cache=settings.db_statement_cache) as database,
            database.transaction(Context(organization_id=organization_id)) as tx,
        ):
            yield tx
    except Refusal as refusal:
        raise click.ClickException(refusal.sentence()) from refusal


_ORGANIZATION = click.Argument(["organization"], type=click.UUID)

SUSPEND = command(
    "suspend",
    suspend,
    "Let an organisation read and no longer write.",
    _ORGANIZATION,
    click.Option(["--reason"], required=True, help="Why, for whoever looks at the trail."),
)
RESUME = command("resume", resume, "Take a suspension back.", _ORGANIZATION)
