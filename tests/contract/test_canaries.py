"""Nothing personal and nothing secret leaves the tables: values that are nowhere else are written everywhere, and looked for."""

import asyncio
import base64
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import httpx
import msgspec
import pytest
import pytest_asyncio
from canaries import Canaries
from canary_stack import CanaryStack
from catalogue_data import SERVICES
from interface import Operation, operations
from resources import Side, guest_headers, never
from sides import body_of, path_of

from carbot_contracts.catalogue import EVENTS
from carbot_core.credentials import Credential
from carbot_testing.data_plane import DataPlane
from carbot_testing.founding import PASSWORD, TENANCY, new_workshop, persistently
from carbot_testing.mailbox import Mailbox

STATUSES: Final = {200, 201, 400, 401, 403, 404, 409, 412, 415, 422}
_TRACE: Final = "0af7651916cd43dd8448eb211c80319c"


class Told(msgspec.Struct):
    """What was answered: the refusals, and how often which status."""

    refusals: list[bytes]
    statuses: Counter[int]

    def note(self, answer: httpx.Response) -> httpx.Response:
        self.statuses[answer.status_code] += 1
        if answer.status_code >= 400:
            self.refusals.append(str(answer.headers).encode() + answer.content)
        return answer


class Writer:
    """Calls every operation with canaries in it."""

    def __init__(self, stack: CanaryStack) -> None:
        self.stack = stack
        self.canaries = Canaries()
        self.told = Told([], Counter())
        self.written: set[str] = set()
        self.side: Side

    async def found(self) -> None:
        """Register an organisation whose owner is all canaries, and sign in as the owner."""
        tenancy, email = self.stack.client("tenancy"), f"{self.canaries.text('owner')}@example.org"
        self.canaries.know(PASSWORD, "the password")
        owner = {"email": email, "password": PASSWORD, "name": self.canaries.text("owner's name")}
        organization = {
            "legal_name": self.canaries.text("edit_organization.legal_name"),
            "legal_form": "gmbh",
            "country": "DE",
        }
        body = {"organization": organization, "owner": owner}
        (await persistently(lambda: tenancy.post(f"{TENANCY}/organizations", json=body))).raise_for_status()
        token = self.canaries.know(await self.stack.mailbox.token(email), "the mailed token")
        (await tenancy.post(f"{TENANCY}/auth/verify-email", json={"token": token})).raise_for_status()
        login = {"email": email, "password": PASSWORD}
        tokens = (
            (await persistently(lambda: tenancy.post(f"{TENANCY}/auth/login", json=login))).raise_for_status().json()
        )
        access = self.canaries.know(tokens["access_token"], "the access token")
        self.canaries.know(tokens["refresh_token"], "the refresh token")
        clients = {
            name: self.stack.client(
                name,
                authorization=f"Bearer {access}",
                traceparent=f"00-{_TRACE}-b7ad6b7169203331-01",
                **{"user-agent": self.canaries.text("user agent"), "cookie": f"a={self.canaries.text('cookie')}"},
            )
            for name in SERVICES
        }
        workshops = [
            (await clients["tenancy"].post(f"{TENANCY}/workshops", json=new_workshop())).raise_for_status().json()["id"]
            for _ in range(2)
        ]
        credential = Credential.parse(token, token[: token.index("_")])
        assert credential is not None
        me = (await clients["tenancy"].get(f"{TENANCY}/members")).json()["items"][0]["user_id"]
        self.side = Side(str(credential.organization_id), (workshops[0], workshops[1]), email, me, clients)
        await tenancy.aclose()
        await self._until_known()

    async def _until_known(self) -> None:
        path = "/api/crm/v1/leads"
        body = {
            "workshop_id": self.side.workshops[1],
            "source": "walk_in",
            "name": "A",
            "email": "a@example.org",
            "request": "HU",
        }
        async with asyncio.timeout(120):
            while (await self.side.clients["crm"].post(path, json=body)).status_code != 201:
                await asyncio.sleep(0.1)

    async def write(self, operation: Operation) -> None:
        """Send what would do, twice, and then what would not, of every kind."""
        client, path = self.side.clients[operation.service], await path_of(operation, self.side)
        given = body_of(operation, self.side)
        headers: dict[str, str] = {}
        if "If-Match" in operation.parameters("header"):
            headers["if-match"] = '"1"'
        if operation.scope is None and operation.parameters("header"):
            headers |= {name.decode(): value.decode() for name, value in (await guest_headers(self.side)).items()}
        body = None if given is None else self.canaries.body(operation, given)
        for sent in (body, body, given):
            answer = await self._send(client, operation, path, headers, sent)
            if answer.status_code < 300 and answer.content:
                self._know_secrets(answer)
        await self._send_wrong(client, operation, path, headers, given)

    async def _send(
        self, client: httpx.AsyncClient, operation: Operation, path: str, headers: dict[str, str], body: Any
    ) -> httpx.Response:
        content = {} if body is None else {"json": body}
        return self.told.note(await client.request(operation.method, path, headers=headers, **content))

    async def _send_wrong(
        self, client: httpx.AsyncClient, operation: Operation, path: str, headers: dict[str, str], given: Any
    ) -> None:
        word = self.canaries.text
        for name in ("if-match", "idempotency-key", "x-request-id", "traceparent", "x-carbot-key", "accept", "origin"):
            await self._send(client, operation, path, {**headers, name: word(f"header {name}")}, given)
        await self._send(client, operation, path, {"authorization": f"Bearer {word('a wrong token')}"}, given)
        await self._send(client, operation, f"{path}?{word('query')}={word('query')}", headers, given)
        for name in operation.parameters("query"):
            await self._send(client, operation, f"{path}?{name}={word(f'query {name}')}", headers, given)
        for name in operation.parameters("path"):
            others = dict.fromkeys(operation.parameters("path"), self.side.owner)
            for value in (word(f"path {name}"), never()):
                elsewhere = operation.path.format(**{**others, name: value})
                await self._send(client, operation, elsewhere, headers, given)
        if given is None:
            return
        malformed = f'{{"a": "{word("malformed body")}"'
        typed = {**headers, "content-type": "application/json"}
        self.told.note(await client.request(operation.method, path, headers=typed, content=malformed))
        self.told.note(await client.request(operation.method, path, headers=headers, data={"a": word("form")}))
        for name in given:
            for wrong in (word(f"{operation.id}.{name}"), [word(f"list {name}")], {"a": word(f"object {name}")}):
                await self._send(client, operation, path, headers, {**given, name: wrong})

    def _know_secrets(self, answer: httpx.Response) -> None:
        document = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else None
        if isinstance(document, dict):
            for name in ("key", "token", "access_token", "refresh_token", "secret"):
                if isinstance(document.get(name), str):
                    self.canaries.know(document[name], f"answered {name}")

    async def provoke_database(self) -> None:
        """Let statements fail whose parameters are canaries: cut short, and against a constraint."""
        place = self.stack.place
        connection = await asyncpg.connect(place.plane.dsn(place.database, "crm_worker"), statement_cache_size=0)
        for statement in (
            "SELECT pg_sleep(10), $1::text, set_config('a.b', 'c', true)",
            "INSERT INTO crm.workshops (name, organization_id) VALUES ($1, NULL)",
        ):
            try:
                async with connection.transaction():
                    await connection.execute("SET LOCAL statement_timeout = '50ms'")
                    await connection.fetch(statement, self.canaries.text("a parameter"))
            except asyncpg.PostgresError:
                continue
        await connection.close()


@pytest_asyncio.fixture(scope="module")
async def written(plane: DataPlane, mailbox: Mailbox) -> AsyncIterator[Writer]:
    async with CanaryStack.open(plane, mailbox) as stack:
        writer = Writer(stack)
        await writer.found()
        # What closes the organisation or ends the session comes last, in its own order.
        for operation in sorted(operations(), key=_ends):
            if operation.method != "GET" or operation.scope:
                try:
                    await writer.write(operation)
                except (httpx.HTTPStatusError, KeyError):
                    # What was written before has ended the owner's rights.
                    continue
                writer.written.add(operation.id)
        await writer.provoke_database()
        await asyncio.sleep(3)
        yield writer
        for client in writer.side.clients.values():
            await client.aclose()


def _ends(operation: Operation) -> bool:
    return any(
        word in operation.id
        for word in ("close", "sign_out", "end_", "delete_account", "change_password", "edit_member")
    )


@pytest.mark.parametrize(
    "written",
    [
        b"%s",
        b'{"name": "%s"}',
        b"?q=%s&",
    ],
)
def test_search_finds_every_form(written: bytes) -> None:
    canaries = Canaries()
    secret = canaries.text("a field").encode()
    plain = written % secret
    forms = (
        plain,
        plain.upper(),
        plain.hex().encode(),
        base64.b64encode(plain),
        base64.urlsafe_b64encode(b"xy" + plain),
    )
    for form in forms:
        assert len(canaries.found_in(b"before " + form + b" after")) == 1, form
    assert canaries.found_in(b"something else") == set()


async def test_canaries_are_in_the_tables(written: Writer) -> None:
    stored = written.canaries.found_in(await written.stack.tables())
    # Else the search would find nothing anywhere.
    assert len(stored) >= 30, sorted(stored)


async def test_every_kind_of_answer_was_given(written: Writer) -> None:
    assert len(written.written) >= len(operations()) * 0.8
    assert written.told.statuses.keys() >= STATUSES, written.told.statuses


async def test_canaries_are_in_no_answer_that_refuses(written: Writer) -> None:
    assert written.canaries.found_in(b"\n".join(written.told.refusals)) == set()


def marked_in(stream: str) -> re.Pattern[str]:
    """Return the fields of operations that a stream's events may tell of: those that the contracts mark, of the things that they are about."""
    marked = {
        (event.subject.split(".")[1], field)
        for event in EVENTS.values()
        if event.subject.partition(".")[0].upper() == stream
        for field, schema in msgspec.json.schema(event)["$defs"][event.__name__]["properties"].items()
        if "x-personal" in str(schema)
    }
    nouns, names = "|".join(sorted({noun for noun, _ in marked})), "|".join(sorted({name for _, name in marked}))
    return re.compile(rf"(create|edit)_({nouns})\.(.*\.)?({names})" if marked else r"(?!)")


async def test_canaries_are_nowhere_else(written: Writer) -> None:
    places = await written.stack.places()
    assert {name.partition(" ")[0] for name in places} == {
        "log",
        "output",
        "metrics",
        "telemetry",
        "stream",
        "pg_stat_statements",
    }
    assert places["stream CRM"]
    assert places["telemetry /v1/traces"]
    leaks: dict[str, set[str]] = {}
    for name, seen in places.items():
        marked = marked_in(name.removeprefix("stream "))
        found = {each for each in written.canaries.found_in(seen) if not marked.fullmatch(each.partition(": ")[0])}
        leaks |= {name: found} if found else {}
    assert leaks == {}
