"""The broker may forget everything: what it forgot is published again, by its owner."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import UUID

import pytest
from nats.js.errors import NotFoundError

from carbot_core import directory, processes, republish
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_crm.app import SERVICE
from carbot_testing.running import service
from carbot_testing.stage import CommandError, Stage, change, lead_changed, recorder
from carbot_testing.world import Organization

type Eventually = Callable[..., Awaitable[Any]]


async def change_leads(stage: Stage, organization: Organization, count: int = 5) -> dict[UUID, int]:
    """Make leads and announce a change of each; return their versions."""
    leads = [await stage.lead(organization) for _ in range(count)]
    async with stage.api_database.transaction(Context(organization_id=organization.id)) as tx:
        return {lead_id: await change(tx, organization, lead_id) for lead_id in leads}


async def carry_all(stage: Stage) -> None:
    relay = stage.relay()
    while await relay.carry():
        pass


class TestDeletedStream:
    @pytest.mark.parametrize(
        "remedy",
        [
            pytest.param(("republish", "--since", (datetime.now(UTC) - timedelta(days=1)).isoformat()), id="republish"),
            pytest.param(("announce", "lead"), id="announce"),
        ],
    )
    async def test_is_made_and_filled_again(
        self, remedy: tuple[str, ...], stage: Stage, eventually: Eventually
    ) -> None:
        organization = await stage.organization()
        known = await change_leads(stage, organization)
        async with stage.worker(recorder()):
            await eventually(lambda: _mirrors(stage, organization, known))
        missed = await change_leads(stage, organization)
        await carry_all(stage)
        assert await stage.stream.delete_stream("CRM")
        if remedy[0] == "announce":
            await stage.as_owner("DELETE FROM crm.outbox")

        async with stage.worker(recorder()):
            assert "streams: CRM" in await stage.command("provision")
            await stage.command(*remedy)
            await eventually(lambda: _mirrors(stage, organization, known | missed), within=10)
        heard = [each.event_id for each in await stage.heard(organization)]
        assert len(heard) == len(set(heard)), "an event that had taken effect before took effect again"


class TestRepublishing:
    async def test_goes_batch_by_batch_and_leaves_out_what_is_older(
        self, stage: Stage, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        organization = await stage.organization()
        await change_leads(stage, organization)
        await carry_all(stage)
        since = datetime.now(UTC)
        known = await change_leads(stage, organization, 23)
        await carry_all(stage)
        monkeypatch.setattr(republish, "BATCH", 10)

        async def published() -> bool:
            return await stage.unpublished() == 0

        before = len(await stage.published())
        async with stage.worker():
            assert "publishing 23 again" in await stage.command("republish", "--since", since.isoformat())
            await eventually(published, within=10)
        again = (await stage.published())[before:]
        assert sorted(UUID((message.headers or {})["aggregate"]) for message in again) == sorted(known)

    async def test_refuses_a_time_without_offset(self, stage: Stage) -> None:
        with pytest.raises(CommandError, match="no time with its offset"):
            await stage.command("republish", "--since", "2026-03-02T09:00:00")


class TestDayEight:
    async def test_a_new_service_learns_every_organization_by_announcement(
        self, stage: Stage, eventually: Eventually
    ) -> None:
        founded = {await found(stage) for _ in range(3)}
        assert await stage.stream.delete_stream("TENANCY")
        await stage.provision()
        with pytest.raises(NotFoundError):
            await stage.stream.consumer_info("TENANCY", directory.consumer("crm").durable)

        async def learnt() -> bool:
            return {each for each in founded if await knows(stage, each)} == founded

        tenancy = stage.place.settings("tenancy", "worker")
        async with (
            processes.worker(service("tenancy"), tenancy),
            stage.worker(directory.consumer("crm", publishable_keys=True)),
        ):
            assert f"announced {len(founded)}" in await stage.command("announce", "organization", of="tenancy")
            await eventually(learnt, within=10)


async def found(stage: Stage) -> UUID:
    """Store an organisation of tenancy whose events nobody has any more."""
    organization_id = new_id()
    async with (
        Database.connect(stage.place.plane.dsn(stage.place.database, "tenancy_api")) as database,
        database.transaction(Context(organization_id=organization_id)) as tx,
    ):
        await tx.execute("INSERT INTO tenants (organization_id) VALUES ($1)", organization_id)
        await tx.execute(
            """
            INSERT INTO tenancy.organizations
                (organization_id, slug, legal_name, legal_form, country, locale, time_zone, status, created_at, updated_at)
            VALUES ($1, $2, 'Autohaus Groß', 'gmbh', 'DE', 'de', 'Europe/Berlin', 'active', now(), now())
            """,
            organization_id,
            f"org-{organization_id.hex}",
        )
    return organization_id


async def knows(stage: Stage, organization_id: UUID) -> bool:
    """Tell whether crm knows the organisation."""
    async with stage.worker_database.transaction(Context(organization_id=organization_id), read_only=True) as tx:
        name = await tx.value(
            str, "SELECT legal_name FROM crm.organizations WHERE organization_id = $1", organization_id
        )
    return name == "Autohaus Groß"


async def _mirrors(stage: Stage, organization: Organization, versions: dict[UUID, int]) -> bool:
    return await stage.mirror(organization) == versions


class TestWorker:
    async def test_takes_no_event_before_the_schema_is_what_its_code_needs(
        self, stage: Stage, eventually: Eventually, tmp_path: Path
    ) -> None:
        organization = await stage.organization()
        copytree(SERVICE.folder.parent / "migrations", tmp_path / "migrations")
        (tmp_path / "migrations/9999_more.sql").write_text("SELECT 1;")
        consumers = recorder(), recorder("latecomer")
        async with (
            stage.worker(consumers[0], folder=tmp_path / "carbot_crm", ready=False) as waiting,
            stage.worker(consumers[1]),
        ):
            for count in (1, 2):
                await stage.publish(organization.id, lead_changed(new_id(), organization.workshops[0]))
                await eventually(partial(_heard, stage, organization, count), within=10)
            assert waiting.unready() == ["migrations", "start"]
            assert len(await stage.heard(organization)) == 2, "the one that waits has heard them too"
            await stage.as_owner(
                "INSERT INTO crm.schema_migrations (name, checksum, milliseconds) VALUES ('9999_more.sql', '', 0)"
            )
            await eventually(partial(_heard, stage, organization, 4), within=10)
            assert waiting.unready() == []


async def _heard(stage: Stage, organization: Organization, count: int) -> bool:
    return len(await stage.heard(organization)) >= count
