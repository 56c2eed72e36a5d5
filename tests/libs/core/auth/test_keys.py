"""The issuer's keys: fetched rarely, kept when the issuer is away."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from joserfc.jwk import OKPKey

from carbot_core.auth import keys, tokens
from carbot_core.auth.keys import HttpKeys, KeysUnknown, read_key_set
from carbot_core.ids import new_id
from carbot_core.web.edge import Edge
from carbot_testing.issuer import Issuer
from carbot_testing.running import client


class Server:
    """A JWKS address that answers as it is told."""

    def __init__(self) -> None:
        self.body = b""
        self.status = "200 OK"
        self.fetches = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.fetches += 1
        writer.write(
            f"HTTP/1.1 {self.status}\r\nconnection: close\r\ncontent-length: {len(self.body)}\r\n\r\n".encode()
            + self.body
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest_asyncio.fixture
async def server(issuer: Issuer) -> AsyncGenerator[Server]:
    served = Server()
    served.body = msgspec.json.encode({"keys": [issuer.key.as_dict(private=False)]})
    listening = await asyncio.start_server(served.answer, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/jwks"
    yield served
    listening.close()
    await listening.wait_closed()


class TestUnknownKid:
    async def test_is_asked_for_once_however_many_ask(self, server: Server) -> None:
        known = HttpKeys(server.url)
        found = await asyncio.gather(*(known.find(f"unknown-{number}") for number in range(200)))
        assert set(found) == {None}
        assert server.fetches == 1
        assert await known.find("test") is not None
        assert server.fetches == 1

    @pytest.mark.parametrize(
        ("status", "body"),
        [("500 Oops", b""), ("200 OK", b"<html>"), ("200 OK", b"\xff"), ("200 OK", b"[" * 100_000), ("200 OK", b"{}")],
    )
    async def test_is_asked_for_once_also_of_an_issuer_that_fails(
        self, server: Server, status: str, body: bytes
    ) -> None:
        known = HttpKeys(server.url)
        await known.fetch()
        server.status, server.body = status, body
        known._tried_at = float("-inf")
        await asyncio.gather(*(known.find(f"unknown-{number}") for number in range(50)))
        assert server.fetches == 2
        assert await known.find("test") is not None

    async def test_is_asked_for_again_after_half_a_minute(
        self, server: Server, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known, now = HttpKeys(server.url), 1000.0
        monkeypatch.setattr(keys, "monotonic", lambda: now)
        await known.fetch()
        now += 29
        assert await known.find("next") is None
        server.body = msgspec.json.encode({"keys": [{**issuer.key.as_dict(private=False), "kid": "next"}]})
        assert await known.find("next") is None
        now += 2
        assert await known.find("next") is not None
        assert await known.find("test") is None
        assert server.fetches == 2

    async def test_floods_reach_the_issuer_once_through_an_api(self, issuer: Issuer, edges: dict[str, Edge]) -> None:
        claims = issuer.claims(new_id())
        forged = [tokens.sign(claims, OKPKey.generate_key("Ed25519", {"kid": f"foreign-{n}"})) for n in range(200)]
        edges["crm"].app.state.issuer_keys._tried_at = float("-inf")
        before = issuer.fetches
        async with client(edges["crm"], "crm") as nobody:
            answers = await asyncio.gather(
                *(nobody.get("/api/crm/v1/leads", headers={"authorization": f"Bearer {each}"}) for each in forged)
            )
        assert {answer.status_code for answer in answers} == {401}
        assert issuer.fetches - before == 1


class TestIssuerThatIsAway:
    async def test_makes_a_token_unprovable_not_wrong(self, server: Server) -> None:
        server.status = "503 Service Unavailable"
        with pytest.raises(KeysUnknown):
            await HttpKeys(server.url).find("test")
        with pytest.raises(KeysUnknown):
            await HttpKeys("http://127.0.0.1:1/jwks").find("test")

    async def test_is_asked_again_soon_while_nothing_is_known(
        self, server: Server, eventually: Callable[..., Any]
    ) -> None:
        good, server.body = server.body, b'{"keys": []}'
        known = HttpKeys(server.url)
        running = asyncio.create_task(known.run())
        await eventually(lambda: server.fetches > 0)
        server.body = good
        await eventually(lambda: "test" in known)
        assert server.fetches < 10, "it is asked without a pause"
        running.cancel()

    async def test_that_does_not_answer_is_not_waited_for_long(self) -> None:
        async def fall_silent(*_: object) -> None:
            await asyncio.sleep(30)

        silent = await asyncio.start_server(fall_silent, "127.0.0.1", 0)
        started = asyncio.get_running_loop().time()
        with pytest.raises(KeysUnknown):
            await HttpKeys(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/jwks").find("test")
        assert asyncio.get_running_loop().time() - started < 4
        silent.close()
        silent.close_clients()

    async def test_is_asked_itself_whatever_proxy_the_environment_names(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert await HttpKeys(server.url).find("test") is not None


class TestKeySet:
    def test_passes_over_what_it_cannot_use(self, issuer: Issuer) -> None:
        good = issuer.key.as_dict(private=False)
        hostile = [
            {},
            [],
            "x",
            None,
            {**good, "kty": "RSA", "kid": "rsa"},
            {**good, "crv": "Ed448", "kid": "ed448"},
            {**good, "crv": "X25519", "kid": "x"},
            {**good, "x": "A" * 42, "kid": "short"},
            {**good, "x": "!" * 43, "kid": "no base64"},
            {**good, "kid": ""},
            {**good, "kid": 1},
            {**good, "kid": "a" * 65},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
        ]
        raw = msgspec.json.encode({"keys": [*hostile, good], "issuer": "https://carbot.test"})
        assert set(read_key_set(raw)) <= {"test", "no base64"}
        assert "test" in read_key_set(raw)

    @pytest.mark.parametrize(("kid", "taken"), [("", False), ("k", True), ("k" * 64, True), ("k" * 65, False)])
    def test_takes_a_kid_of_its_length(self, issuer: Issuer, kid: str, taken: bool) -> None:
        raw = msgspec.json.encode({"keys": [{**issuer.key.as_dict(private=False), "kid": kid}]})
        assert set(read_key_set(raw)) == ({kid} if taken else set())
