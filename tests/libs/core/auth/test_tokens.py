"""Access tokens that somebody made up: none is accepted. tests/contract sends them to every service."""

from datetime import UTC, datetime, timedelta

import pytest
from joserfc.jwk import OKPKey

from carbot_contracts.scopes import ROLE_SCOPES
from carbot_core.auth import tokens
from carbot_core.auth.tokens import InvalidToken, Verifier
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


class TestService:
    async def test_says_which_scope_is_missing_by_403(
        self, edges: dict[str, Edge], issuer: Issuer, organization: Organization
    ) -> None:
        for scopes in ([], ["crm.leads"], ["crm.leads:*"], ["*"], ["crm.leads:read "], ["CRM.LEADS:READ"]):
            token = issuer.token(organization.id, scopes=scopes)
            async with client(edges["crm"], "crm", authorization=f"Bearer {token}") as member:
                answer = await member.get(LEADS)
                assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
