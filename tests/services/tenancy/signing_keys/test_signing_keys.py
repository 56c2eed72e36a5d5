"""Signing keys: made, rotated, retired."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database
from carbot_core.jobs import JobLoop
from carbot_local.database import connected
from carbot_tenancy.signing_keys import actions
from carbot_tenancy.signing_keys.jobs import ROTATE_OLD_KEYS
from carbot_tenancy.signing_keys.keyring import KeyRing
from carbot_testing.data_plane import DataPlane
from carbot_testing.founding import Founder
from carbot_testing.plugin import FreshDatabase
from carbot_testing.running import Place


class TestRotate:
    @pytest.mark.usefixtures("founder")
    async def test_publishes_a_key_before_it_signs_and_after(
        self, worker_databases: dict[str, Database], api_databases: dict[str, Database], vault: Vault
    ) -> None:
        now = datetime.now(UTC)
        keyring = KeyRing(api_databases["tenancy"], vault, "x")
        old = await keyring.signing_key(now)
        async with worker_databases["tenancy"].transaction(Context()) as tx:
            assert await actions.rotate(tx, vault, now, force=False) is None
            new = await actions.rotate(tx, vault, now, force=True)
        assert new is not None
        for later, signing, published in (
            (timedelta(minutes=9), old.kid, {old.kid, new.kid}),
            (timedelta(minutes=11), new.kid, {old.kid, new.kid}),
            (timedelta(minutes=26), new.kid, {new.kid}),
        ):
            fresh = KeyRing(api_databases["tenancy"], vault, "x")
            assert (await fresh.signing_key(now + later)).kid == signing
            assert {key.kid for key in (await fresh.key_set(now + later)).keys} == published

    async def test_keeps_private_keys_encrypted_and_to_itself(
        self, founder: Founder, api_databases: dict[str, Database]
    ) -> None:
        answer = (await founder.nobody.get("/.well-known/jwks.json")).json()
        assert all(set(key) == {"kty", "crv", "use", "kid", "x"} for key in answer["keys"])
        async with api_databases["tenancy"].transaction(Context()) as tx:
            lengths = await tx.value(int, "SELECT min(octet_length(private_key)) FROM tenancy.signing_keys")
        assert lengths == 32 + 12 + 16

    async def test_publishes_as_long_before_as_it_is_told(
        self, fresh_database: FreshDatabase, plane: DataPlane, vault: Vault
    ) -> None:
        now = datetime.now(UTC)
        async with (
            Database.connect(plane.dsn(await fresh_database(), "tenancy_worker")) as database,
            database.transaction(Context()) as tx,
        ):
            new = await actions.rotate(tx, vault, now, force=True, ahead=timedelta(seconds=40))
        assert new is not None
        assert new.not_before == now + timedelta(seconds=40)


class TestKeyRing:
    async def test_tells_everybody_what_it_knows_while_the_database_stands_still(
        self, fresh_database: FreshDatabase, plane: DataPlane, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name, now = await fresh_database(), datetime.now(UTC)
        async with (
            Database.connect(plane.dsn(name, "tenancy_api")) as api,
            connected(plane.dsn_superuser(name)) as superuser,
        ):
            keyring = KeyRing(api, vault, "x")
            known = await keyring.key_set(now)
            monkeypatch.setattr("carbot_tenancy.signing_keys.keyring.RELOAD_SECONDS", 0)
            async with superuser.transaction(), asyncio.timeout(2):
                await superuser.execute("LOCK TABLE tenancy.signing_keys")
                told = await asyncio.gather(*(keyring.key_set(now) for _ in range(10)))
        assert told == [known] * 10


class TestRotateOldKeys:
    async def test_makes_the_first_key_then_one_a_month_and_forgets_the_old_ones(
        self, fresh_database: FreshDatabase, plane: DataPlane, place: Place, vault: Vault
    ) -> None:
        name, start = await fresh_database(), datetime.now(UTC)
        job = ROTATE_OLD_KEYS.prepare(place.settings("tenancy", "worker"))
        async with (
            Database.connect(plane.dsn(name, "tenancy_worker")) as worker,
            Database.connect(plane.dsn(name, "tenancy_api")) as api,
        ):

            async def keys_after(later: timedelta, *, run: bool = True) -> tuple[str, list[str]]:
                """Return which key signs then, and which are published, after the job has run."""
                now = start + later
                if run:
                    assert await JobLoop(worker, (job,), lambda: now).run_if_due(job)
                keyring = KeyRing(api, vault, "x")
                signing, published = await keyring.signing_key(now), (await keyring.key_set(now)).keys
                return signing.kid or "", [key.kid for key in published]

            async with worker.transaction(Context()) as tx:
                await tx.execute("DELETE FROM tenancy.signing_keys")
            first, published = await keys_after(timedelta(0))
            assert published == [first]
            assert await keys_after(timedelta(days=29)) == (first, [first])
            signing, (second, old) = await keys_after(timedelta(days=31))
            assert (signing, old) == (first, first)
            for minutes in range(1, 40):
                signing, published = await keys_after(timedelta(days=31, minutes=minutes), run=False)
                assert signing == (first if minutes < 10 else second), minutes
                # The old one is published ten minutes, and what a process needs to hear of it, after it signed last.
                assert published == ([second, first] if minutes < 25 else [second]), minutes
            async with worker.transaction(Context()) as tx:
                assert await tx.value(int, "SELECT count(*) FROM tenancy.signing_keys") == 2
            assert await keys_after(timedelta(days=39)) == (second, [second])
            async with worker.transaction(Context()) as tx:
                assert await tx.value(int, "SELECT count(*) FROM tenancy.signing_keys") == 1

    @pytest.mark.usefixtures("founder")
    async def test_runs_in_the_worker(
        self, worker_databases: dict[str, Database], eventually: Callable[..., Any]
    ) -> None:
        async def has_run() -> bool:
            async with worker_databases["tenancy"].transaction(Context()) as tx:
                run_at = await tx.value(datetime, "SELECT last_run_at FROM jobs WHERE name = $1", ROTATE_OLD_KEYS.name)
            return run_at is not None

        await eventually(has_run, within=10)


class TestDocs:
    async def test_lists_every_interface(self, founder: Founder) -> None:
        page = (await founder.nobody.get("/docs")).text
        for service in ("tenancy", "crm", "billing", "compliance"):
            assert f"/api/{service}/v1/openapi.json" in page
        assert (await founder.nobody.get("/api/tenancy/v1/openapi.json")).status_code == 200
