"""Sending mails, and what is left of registrations that nobody proved."""

from datetime import timedelta
from uuid import UUID

import msgspec

from carbot_core.clock import utc_now
from carbot_core.db import Context, Database
from carbot_core.ids import new_id
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_tenancy.mails.events import send_due_mail
from carbot_tenancy.registrations.events import expire_registration
from carbot_testing.mailbox import Mailbox
from carbot_testing.running import Place


async def queue(database: Database, organization_id: UUID, email: str) -> tuple[Due, Due]:
    """Store a registration with its mail, its timers taken by nobody else, as the api and the loop would."""
    registration, mail = new_id(), new_id()
    async with database.transaction(Context(organization_id=organization_id)) as tx:
        await tx.execute(
            """
            INSERT INTO tenancy.registrations
                (id, organization_id, legal_name, legal_form, country, email, name, locale, password_hash, created_at,
                expires_at)
            VALUES ($1, $2, 'Müller', 'gmbh', 'DE', $3, 'Anna', 'de', 'x', now(), now() + interval '72 hours')
            """,
            registration,
            organization_id,
            email,
        )
        await tx.execute(
            """
            INSERT INTO tenancy.mails (organization_id, id, template, recipient, locale, parameters, created_at, updated_at)
            VALUES ($1, $2, 'registration', $3, 'de', $4, now(), now())
            """,
            organization_id,
            mail,
            email,
            {"id": str(registration)},
        )
        for kind, key in (("mail", mail), ("registration_expiry", registration)):
            await tx.execute(
                "INSERT INTO timers (organization_id, kind, key, due_at) VALUES ($1, $2, $3, now() + interval '1 day')",
                organization_id,
                kind,
                key,
            )
    return Due(organization_id, "mail", mail, 0), Due(organization_id, "registration_expiry", registration, 0)


async def state_of(database: Database, due: Due) -> tuple[str | None, bool]:
    """Return the mail's state, and whether it has a timer."""
    async with database.transaction(Context(organization_id=due.organization_id)) as tx:
        state = await tx.value(str, "SELECT state FROM tenancy.mails WHERE organization_id = $1", due.organization_id)
        waits = await tx.value(bool, "SELECT EXISTS (SELECT FROM timers WHERE key = $1)", due.key)
    return state, waits is True


class TestSendDueMail:
    async def test_tries_again_until_the_server_takes_it(
        self,
        place: Place,
        mailbox: Mailbox,
        worker_databases: dict[str, Database],
        api_databases: dict[str, Database],
    ) -> None:
        database, email = worker_databases["tenancy"], f"retry-{new_id().hex}@example.org"
        due, _ = await queue(api_databases["tenancy"], new_id(), email)
        settings = place.settings("tenancy", "worker")
        down = Runtime(msgspec.structs.replace(settings, smtp_url="smtp://127.0.0.1:1"), database, utc_now)
        due = await taken(database, due)
        await send_due_mail(down, due)
        assert await state_of(database, due) == ("queued", True)
        await send_due_mail(Runtime(settings, database, utc_now), due)
        assert await state_of(database, due) == ("sent", False)
        assert len(mailbox.to(email)) == 1


class TestExpireRegistration:
    async def test_leaves_nothing_behind(
        self, place: Place, worker_databases: dict[str, Database], api_databases: dict[str, Database]
    ) -> None:
        database = worker_databases["tenancy"]
        mail, expiry = await queue(api_databases["tenancy"], new_id(), "gone@example.org")
        runtime = Runtime(place.settings("tenancy", "worker"), database, lambda: utc_now() + timedelta(days=4))
        await send_due_mail(runtime, mail)
        assert await state_of(database, mail) == ("failed", False)
        await expire_registration(runtime, expiry)
        assert await state_of(database, expiry) == (None, False)


async def taken(database: Database, due: Due) -> Due:
    """Take the timer as the loop does: one attempt more."""
    async with database.transaction(Context()) as tx:
        await tx.execute("UPDATE timers SET attempts = attempts + 1 WHERE key = $1", due.key)
    return msgspec.structs.replace(due, attempts=due.attempts + 1)
