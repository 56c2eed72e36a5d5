"""Access tokens that somebody made up: none is accepted. tests/contract sends them to every service."""

from datetime import UTC, datetime, timedelta

import pytest
from joserfc.jwk import OKPKey
from msgspec.structs import replace

from carbot_contracts.scopes import ROLE_SCOPES
from carbot_core.auth import tokens
from carbot_core.auth.tokens import Claims, InvalidToken, Verifier
from carbot_core.ids import new_id
from carbot_core.web.edge import Edge
from carbot_testing.forge import Forge
from carbot_testing.issuer import ISSUER, Issuer
from carbot_testing.running import client
from carbot_testing.world import Organization

LEADS = "/api/crm/v1/leads"


class KnownKeys:
    """The issuer's key and no other."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self.withdrawn = False

    def __contains__(self, kid: str) -> bool:
        return kid == "test" and not self.withdrawn

    async def find(self, kid: str) -> OKPKey | None:
        return self._key if kid in self else None


@pytest.fixture
def forge(issuer: Issuer, organization: Organization) -> Forge:
    return Forge(issuer, organization.id)


@pytest.fixture
def verifier(issuer: Issuer) -> Verifier:
    return Verifier(KnownKeys(issuer.key), ISSUER, lambda: datetime.now(UTC))


class TestVerifier:
    async def test_takes_what_the_issuer_signs(
        self, forge: Forge, verifier: Verifier, issuer: Issuer, organization: Organization
    ) -> None:
        user, site, session = new_id(), new_id(), new_id()
        token = issuer.token(organization.id, "service_advisor", user_id=user, workshops=[site], session_id=session)
        for _ in range(2):
            principal = await verifier.verify(token)
            assert (principal.kind, principal.id, principal.organization_id) == ("user", user, organization.id)
            assert (principal.workshops, principal.session_id) == (frozenset({site}), session)
            assert principal.scopes == ROLE_SCOPES["service_advisor"]
        assert (await verifier.verify(forge.token())).role == "owner"

    async def test_refuses_everything_else(self, forge: Forge, verifier: Verifier) -> None:
        variants = forge.variants()
        assert len(variants) >= 200
        accepted = list[str]()
        for name, token in variants.items():
            try:
                await verifier.verify(token)
            except InvalidToken:
                continue
            accepted.append(name)
        assert not accepted

    async def test_refuses_a_token_that_it_knew_when_it_expires_or_its_key_is_withdrawn(
        self, issuer: Issuer, organization: Organization
    ) -> None:
        now, known = datetime.now(UTC), KnownKeys(issuer.key)
        verifier = Verifier(known, ISSUER, lambda: now)
        token = issuer.token(organization.id, issued_at=now)
        await verifier.verify(token)
        now += timedelta(seconds=tokens.LIFETIME_SECONDS + 1)
        with pytest.raises(InvalidToken):
            await verifier.verify(token)
        now -= timedelta(seconds=2)
        await verifier.verify(token)
        known.withdrawn = True
        with pytest.raises(InvalidToken):
            await verifier.verify(token)

    async def test_takes_what_is_just_within_its_bounds_and_nothing_beyond(self, issuer: Issuer) -> None:
        now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        at, lifetime, leeway = now.timestamp(), tokens.LIFETIME_SECONDS, tokens.LEEWAY_SECONDS
        verifier = Verifier(KnownKeys(issuer.key), ISSUER, lambda: now)
        claims = issuer.claims(new_id(), issued_at=now)
        assert (lifetime, leeway, tokens.LONGEST_TOKEN) == (600, 30, 8192)
        bounds: dict[str, tuple[Claims, Claims]] = {
            "expires": (replace(claims, iat=at - 10, exp=at + 0.5), replace(claims, iat=at - 10, exp=at)),
            "ahead": (
                replace(claims, iat=at + leeway, exp=at + lifetime),
                replace(claims, iat=at + leeway + 0.5, exp=at + lifetime),
            ),
            "lives": (replace(claims, exp=at + lifetime + 1), replace(claims, exp=at + lifetime + 1.5)),
            "at once": (replace(claims, iat=at + 1, exp=at + 1.5), replace(claims, iat=at + 1, exp=at + 1)),
            "role": (replace(claims, role="r" * 40), replace(claims, role="r" * 41)),
        }
        for name, (good, bad) in bounds.items():
            assert (await verifier.verify(tokens.sign(good, issuer.key))).id == claims.sub, name
            with pytest.raises(InvalidToken):
                await verifier.verify(tokens.sign(bad, issuer.key))

    @pytest.mark.parametrize(("kid", "taken"), [("", False), ("k", True), ("k" * 64, True), ("k" * 65, False)])
    async def test_takes_a_kid_of_its_length(self, issuer: Issuer, kid: str, taken: bool) -> None:
        class Keys(KnownKeys):
            def __contains__(self, kid: str) -> bool:
                return True

        key = OKPKey.import_key({**issuer.key.as_dict(private=False), "kid": kid})
        verifier = Verifier(Keys(key), ISSUER, lambda: datetime.now(UTC))
        token = Forge(issuer, new_id()).token({"kid": kid})
        if taken:
            assert (await verifier.verify(token)).role == "owner"
        else:
            with pytest.raises(InvalidToken):
                await verifier.verify(token)

    async def test_takes_a_token_of_its_length(self, issuer: Issuer, verifier: Verifier) -> None:
        def token(padding: int) -> str:
            return issuer.token(organization, scopes=["s" * padding], issued_at=now)

        organization, now, lengths = new_id(), datetime.now(UTC), set[int]()
        longest = (tokens.LONGEST_TOKEN - len(token(0))) * 3 // 4
        for padding in range(longest - 6, longest + 7):
            try:
                await verifier.verify(token(padding))
            except InvalidToken:
                assert len(token(padding)) > tokens.LONGEST_TOKEN
            else:
                lengths.add(len(token(padding)))
        assert max(lengths) in {tokens.LONGEST_TOKEN, tokens.LONGEST_TOKEN - 1}

    async def test_reads_each_token_once_and_remembers_the_last(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Counting(KnownKeys):
            found = 0

            async def find(self, kid: str) -> OKPKey | None:
                self.found += 1
                return await super().find(kid)

        monkeypatch.setattr(tokens, "_CACHE_SIZE", 2)
        known = Counting(issuer.key)
        verifier = Verifier(known, ISSUER, lambda: datetime.now(UTC))
        first, second, third = (issuer.token(new_id()) for _ in range(3))
        for token in (first, second, second, third, third, second):
            await verifier.verify(token)
        assert known.found == 3
        await verifier.verify(first)
        assert known.found == 4

    async def test_says_when_the_credentials_were_shown(self, issuer: Issuer, verifier: Verifier) -> None:
        claims = issuer.claims(new_id())
        shown = await verifier.verify(tokens.sign(claims, issuer.key))
        never = await verifier.verify(tokens.sign(replace(claims, auth_time=None, jti=new_id()), issuer.key))
        assert shown.authenticated_at == shown.issued_at == datetime.fromtimestamp(claims.iat, UTC)
        assert never.authenticated_at is None


class TestService:
    async def test_says_which_scope_is_missing_by_403(
        self, edges: dict[str, Edge], issuer: Issuer, organization: Organization
    ) -> None:
        for scopes in ([], ["crm.leads"], ["crm.leads:*"], ["*"], ["crm.leads:read "], ["CRM.LEADS:READ"]):
            token = issuer.token(organization.id, scopes=scopes)
            async with client(edges["crm"], "crm", authorization=f"Bearer {token}") as member:
                answer = await member.get(LEADS)
                assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
