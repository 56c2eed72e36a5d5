"""`python -m carbot_tenancy rotate-keys`, as the worker's database role."""

import os

import msgspec
import rich_click as click

from carbot_core.cli import command
from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database
from carbot_core.settings import Base64Key, PostgresUrl, read
from carbot_tenancy.signing_keys import actions


class KeySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What rotating needs to know."""

    database_url: PostgresUrl
    db_statement_cache: int = 0
    key_encryption_key: Base64Key


async def rotate_keys(*, force: bool) -> None:
    settings = read(KeySettings, os.environ)
    vault = Vault.from_base64(settings.key_encryption_key)
    async with (
        Database.connect(settings.database_url, statement_cache=settings.db_statement_cache) as database,
        database.transaction(Context()) as tx,
    ):
        key = await actions.rotate(tx, vault, utc_now(), force=force)
    click.echo(
        "there is a signing key" if key is None else f"key {key.kid} signs from {key.not_before:%Y-%m-%d %H:%M:%S} UTC"
    )


ROTATE_KEYS = command(
    "rotate-keys",
    rotate_keys,
    "Make the first signing key, or with --force the next one.",
    click.Option(["--force"], is_flag=True, help="Make one more: published now, used in ten minutes."),
)
