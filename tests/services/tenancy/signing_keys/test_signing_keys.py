"""Signing keys: made, rotated, retired."""

from datetime import UTC, datetime, timedelta

import pytest

from carbot_core.crypto import Vault
from carbot_core.db import Context, Database
from carbot_tenancy.signing_keys import actions
from carbot_tenancy.signing_keys.keyring import KeyRing
from carbot_testing.founding import Founder


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


class TestDocs:
    async def test_lists_every_interface(self, founder: Founder) -> None:
        page = (await founder.nobody.get("/docs")).text
        for service in ("tenancy", "crm", "billing", "compliance"):
            assert f"/api/{service}/v1/openapi.json" in page
        assert (await founder.nobody.get("/api/tenancy/v1/openapi.json")).status_code == 200
