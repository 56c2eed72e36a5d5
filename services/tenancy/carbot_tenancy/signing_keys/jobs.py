"""Rotating the signing keys by themselves."""

from datetime import datetime, timedelta

from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database
from carbot_core.jobs import JobWithSettings, Lease
from carbot_tenancy.settings import Settings
from carbot_tenancy.signing_keys import actions, queries

KEPT = timedelta(days=7)
"""How long a key is kept after it was published last: long enough to see whose token a log speaks of."""


async def rotate_old(settings: Settings, database: Database, _lease: Lease, now: datetime) -> None:
    """Make the first key, or the next one when the youngest is old; delete those that were retired long ago."""
    vault = Vault.from_base64(settings.key_encryption_key)
    async with database.transaction(Context()) as tx:
        await actions.rotate_old(tx, vault, now)
        await queries.delete_retired(tx, before=now - KEPT)


ROTATE_OLD_KEYS = JobWithSettings("rotate-signing-keys", timedelta(hours=1), rotate_old)
