"""Sending mails, showing them, forgetting them, and what is left of registrations that nobody proved."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from carbot_core.clock import utc_now
from carbot_core.context import Context
from carbot_core.db import Database
from carbot_core.ids import OPERATOR, new_id
from carbot_core.jobs import JobLoop
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_tenancy.auth.jobs import FORGET
from carbot_tenancy.mails.events import send_due_mail
from carbot_tenancy.mails.jobs import FORGET_MAILS
from carbot_tenancy.mails.models import Mail, MailState, SentMail
from carbot_tenancy.mails.queries import insert_mail, list_mails, mark_mail, update_count
from carbot_tenancy.registrations.events import expire_registration
from carbot_testing.founding import TENANCY, Founder, Person
from carbot_testing.mailbox import Mailbox
from carbot_testing.plugin import Connect
from carbot_testing.running import Place

MAILS = f"{TENANCY}/mails"
AGES: Final[list[tuple[int, MailState]]] = [
    (91, "sent"),
    (91, "failed"),
    (91, "suppressed"),
    (91, "queued"),
    (89, "sent"),
]
SHOWN = frozenset({"id", "template", "recipient", "locale", "state", "attempts", "sent_at", "created_at"})


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

    async def test_writes_five_of_a_kind_to_an_address_in_an_hour_over_all_organisations(
        self,
        place: Place,
        mailbox: Mailbox,
        worker_databases: dict[str, Database],
        api_databases: dict[str, Database],
        connect: Connect,
    ) -> None:
        database, email, organizations = worker_databases["tenancy"], f"flood-{new_id().hex}@example.org", []
        settings = place.settings("tenancy", "worker")
        runtime = Runtime(settings, database, utc_now)
        down = Runtime(msgspec.structs.replace(settings, smtp_url="smtp://127.0.0.1:1"), database, utc_now)
        for number in range(6):
            organizations.append(new_id())
            due = await taken(database, (await queue(api_databases["tenancy"], organizations[-1], email))[0])
            # One that is tried again counts once.
            for again in range(2 if number == 0 else 0):
                await send_due_mail(down, due)
                assert await state_of(database, due) == ("queued", True), again
            await send_due_mail(runtime, due)
            assert await state_of(database, due) == ("sent" if number < 5 else "suppressed", False)
        assert len(mailbox.to(email)) == 5
        page = (await connect("tenancy", organizations[-1]).get(MAILS, params={"state": "suppressed"})).json()
        assert [(mail["state"], mail["recipient"], mail["sent_at"]) for mail in page["items"]] == [
            ("suppressed", email, None)
        ]
        later = Runtime(settings, database, lambda: utc_now() + timedelta(minutes=61))
        due = await taken(database, (await queue(api_databases["tenancy"], new_id(), email))[0])
        await send_due_mail(later, due)
        assert len(mailbox.to(email)) == 6

    async def test_makes_no_token_for_a_mail_that_it_suppresses(
        self, place: Place, worker_databases: dict[str, Database], api_databases: dict[str, Database]
    ) -> None:
        database, email = worker_databases["tenancy"], f"tokens-{new_id().hex}@example.org"
        runtime = Runtime(place.settings("tenancy", "worker"), database, utc_now)
        for _ in range(7):
            due = await taken(database, (await queue(api_databases["tenancy"], new_id(), email))[0])
            await send_due_mail(runtime, due)
        async with api_databases["tenancy"].transaction(Context()) as tx:
            tokens = await tx.value(
                int,
                """
                SELECT count(*)
                FROM tenancy.user_tokens t
                JOIN tenancy.registrations r ON r.id = t.registration_id
                WHERE r.email = $1
                """,
                email,
            )
        assert tokens == 5


class TestListMails:
    async def test_shows_what_went_to_whom_and_never_what_it_says(self, founder: Founder) -> None:
        owner = await founder.found()
        admin = await founder.join(owner, "admin")
        for person in (owner, admin):
            page = (await person.client.get(MAILS)).json()
            assert [(mail["template"], mail["recipient"], mail["state"]) for mail in page["items"]] == [
                ("invitation", admin.email, "sent"),
                ("registration", owner.email, "sent"),
            ]
            assert {frozenset(mail) for mail in page["items"]} == {SHOWN}

    async def test_goes_on_where_the_page_ended_and_only_in_the_same_state(
        self, connect: Connect, api_databases: dict[str, Database]
    ) -> None:
        organization, email = new_id(), f"pages-{new_id().hex}@example.org"
        client = connect("tenancy", organization)
        for _ in range(3):
            await queue(api_databases["tenancy"], organization, email)
        first = (await client.get(MAILS, params={"state": "queued", "limit": 2})).json()
        cursor = first["next_cursor"]
        second = (await client.get(MAILS, params={"state": "queued", "limit": 2, "cursor": cursor})).json()
        ids = [mail["id"] for page in (first, second) for mail in page["items"]]
        assert (len(ids), ids, second["next_cursor"]) == (3, sorted(ids, reverse=True), None)
        assert (await client.get(MAILS, params={"state": "sent"})).json()["items"] == []
        for params in ({"state": "sent", "cursor": cursor}, {"state": "unheard-of"}):
            assert (await client.get(MAILS, params=params)).status_code == 422


class TestForget:
    async def test_deletes_after_ninety_days_what_is_no_longer_queued(
        self, owner: Person, worker_databases: dict[str, Database], api_databases: dict[str, Database]
    ) -> None:
        now, database, left = utc_now(), worker_databases["tenancy"], set[UUID]()
        mails: list[UUID] = []
        for organization in (owner.organization_id, OPERATOR):
            for age, state in AGES:
                mails.append(
                    await aged(api_databases["tenancy"], database, organization, state, now - timedelta(days=age))
                )
                if state == "queued" or age < 90:
                    left.add(mails[-1])
        job = msgspec.structs.replace(FORGET_MAILS, name=f"forget-mails-{new_id()}")
        assert await JobLoop(database, (job,), lambda: now).run_if_due(job)
        found = {
            row.id
            for organization in (owner.organization_id, OPERATOR)
            for row in await mails_of(database, organization)
        }
        assert found & set(mails) == left

    async def test_deletes_counts_whose_hour_is_over(self, worker_databases: dict[str, Database]) -> None:
        database, now = worker_databases["tenancy"], utc_now()
        async with database.transaction(Context()) as tx:
            for key, ends_at in ((b"over", now - timedelta(minutes=1)), (b"open", now + timedelta(minutes=1))):
                await update_count(tx, key, window_ends_at=ends_at, now=now)
        job = msgspec.structs.replace(FORGET, name=f"forget-{new_id()}")
        assert await JobLoop(database, (job,), lambda: now).run_if_due(job)
        async with database.transaction(Context()) as tx:
            assert await update_count(tx, b"over", window_ends_at=now + timedelta(hours=1), now=now) == 1
            assert await update_count(tx, b"open", window_ends_at=now + timedelta(hours=1), now=now) == 2


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


async def aged(api: Database, worker: Database, organization: UUID, state: MailState, created_at: datetime) -> UUID:
    """Store a mail of then that came so far."""
    mail = Mail(id=new_id(), template="invitation", recipient="old@example.org", locale="de", parameters={"id": ""})
    async with api.transaction(Context(organization_id=organization)) as tx:
        await insert_mail(tx, mail, created_at)
    async with worker.transaction(Context(organization_id=organization)) as tx:
        await mark_mail(tx, mail.id, state, attempts=1, now=created_at)
    return mail.id


async def mails_of(database: Database, organization: UUID) -> list[SentMail]:
    async with database.transaction(Context(organization_id=organization)) as tx:
        return await list_mails(tx, state=None, after=None, limit=1000)
