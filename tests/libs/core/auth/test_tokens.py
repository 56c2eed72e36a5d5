"""Access tokens that somebody made up: none is accepted, and none is a fault."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import OKPKey

from carbot_contracts.scopes import ROLE_SCOPES
from carbot_core.auth import tokens
from carbot_core.auth.tokens import InvalidToken, Verifier
from carbot_core.credentials import Credential
from carbot_core.ids import new_id
from carbot_core.web.edge import Edge
from carbot_testing.issuer import ISSUER, Issuer
from carbot_testing.running import client
from carbot_testing.world import Organization

LEADS = "/api/crm/v1/leads"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Forge:
    """Makes tokens; its key is the issuer's own, so that only what is said of a token is wrong with it."""

    def __init__(self, issuer: Issuer, organization: Organization) -> None:
        self.key = issuer.key
        self.organization = organization
        self.claims: dict[str, Any] = msgspec.to_builtins(issuer.claims(organization.id))
        self.header = {"alg": "EdDSA", "kid": "test", "typ": "at+jwt"}

    def sign(self, header: str, claims: str, key: OKPKey | None = None) -> str:
        signed = f"{base64url(header.encode())}.{base64url(claims.encode())}"
        return f"{signed}.{base64url((key or self.key).private_key.sign(signed.encode()))}"  # type: ignore[union-attr]

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token with members replaced; a member that is None is left out."""
        whole = {n: v for n, v in {**self.header, **(header or {})}.items() if v is not None}
        said = {n: v for n, v in {**self.claims, **claims}.items() if v is not None or n == "workshops"}
        return self.sign(json.dumps(whole), json.dumps(said))

    def variants(self) -> dict[str, str]:
        """Return what must be refused, by what is wrong with it."""
        good = self.token()
        head, body, signature = good.split(".")
        other = OKPKey.generate_key("Ed25519", {"kid": "test"})
        now = time()
        claims = json.dumps(self.claims)
        header = json.dumps(self.header)
        swapped = base64url(json.dumps({**self.claims, "role": "admin"}).encode())
        public: dict[str, Any] = dict(other.as_dict(private=False))
        secret = Credential.mint("cb_live", self.organization.id, new_id())
        said: dict[str, tuple[Any, ...]] = {
            "iss": (None, "https://evil.test", ISSUER + ".evil.test", ISSUER[:-1], [ISSUER], "", 1),
            "aud": (None, "carbots", "", ["carbot"], ["other", "carbot"], {"carbot": 1}),
            "sub": (None, "admin", 1, "", [str(uuid4())]),
            "org": (None, "x", [str(self.organization.id)], f"{self.organization.id}\n", 1),
            "role": (None, 1, ["owner"], "a" * 41),
            "scopes": (None, "crm.leads:read", {"crm.leads:read": 1}, [1]),
            "workshops": ("all", ["x"], {}),
            "sid": ("x",),
            "jti": (None, "x"),
            "kind": ("system", "guest", 1),
            "iat": (None, str(now), now + 31, now + 10_000, -1, True, "now"),
            "exp": (None, str(now + 60), now - 1, now + 10_000, 1e300, 10**400, True, -1, "never"),
            "nbf": (now + 600,),
            "admin": (True,),
        }
        hostile: dict[str, tuple[Any, ...]] = {
            "kid": (None, "", "unknown", "../../../etc/passwd", "test' OR '1'='1", "a" * 65, 1, ["test"], "test\x00"),
            "typ": (None, "JWT", "at+JWT", "application/at+jwt", "refresh+jwt", ["at+jwt"]),
            "alg": (None, "eddsa", "Ed25519", "", ["EdDSA"], 1),
            "jwk": (public,),
            "jku": ("https://evil.test/jwks",),
            "x5u": ("https://evil.test/cert",),
            "x5c": (["MIIB"],),
            "crit": (["exp"], []),
            "b64": (False, True),
            "zip": ("DEF",),
            "cty": ("JWT",),
            "enc": ("A256GCM",),
        }
        return {
            **self._algorithms(head, body, signature),
            "signed by another key of the same kid": self.sign(header, claims, other),
            "empty signature": f"{head}.{body}.",
            "no signature": f"{head}.{body}",
            "truncated signature": good[:-4],
            "longer signature": good + "A",
            "zero signature": f"{head}.{body}.{'A' * 86}",
            "other claims under the signature": f"{head}.{swapped}.{signature}",
            "other header under the signature": (
                f"{base64url(json.dumps({**self.header, 'x': 1}).encode())}.{body}.{signature}"
            ),
            "parts swapped": f"{body}.{head}.{signature}",
            "four parts": f"{good}.{signature}",
            "a JWE of five": ".".join(["e30"] * 5),
            "nested": self.sign(json.dumps({**self.header, "cty": "JWT"}), json.dumps(good)),
            **{
                f"claim {name} = {value!r:.40}": self.token(**{name: value})
                for name, values in said.items()
                for value in values
            },
            "exp = NaN": self.sign(header, claims.replace(f'"exp": {self.claims["exp"]}', '"exp": NaN')),
            "exp = Infinity": self.sign(header, claims.replace(f'"exp": {self.claims["exp"]}', '"exp": Infinity')),
            "exp = 1e400": self.sign(header, claims.replace(f'"exp": {self.claims["exp"]}', '"exp": 1e400')),
            "expired": self.token(iat=now - 700, exp=now - 100),
            "exp before iat": self.token(iat=now, exp=now - 1),
            "claims repeated": self.sign(header, claims[:-1] + ', "role": "admin"}'),
            "claims are a list": self.sign(header, "[]"),
            "claims are no JSON": self.sign(header, "{"),
            "claims are deep": self.sign(header, "[" * 2500),
            "claims are no UTF-8": self.sign(header, claims).replace(body, base64url(b"\xff\xfe")),
            "header repeated": self.sign(header[:-1] + ', "kid": "test"}', claims),
            "header is a list": self.sign("[]", claims),
            "header is deep": self.sign("[" * 2500, claims),
            **{
                f"header {name} = {value!r:.40}": self.token({name: value})
                for name, hostile_values in hostile.items()
                for value in hostile_values
            },
            "its own key in the header": self.sign(json.dumps({**self.header, "jwk": public}), claims, other),
            "oversize": self.token(scopes=["a" * 100] * 100),
            "a mebibyte": "a" * 1_048_576,
            "padding": f"{head}=.{body}=.{signature}==",
            "a line break": f"{head}.{body}\n.{signature}",
            "a blank": f"{head}. {body}.{signature}",
            "standard base64": f"{head}.{body}.{'+/' * 43}",
            "wide dots": good.replace(".", "。"),
            "nothing": "",
            "dots": "..",
            "nul": "\x00",
            "a secret key": str(secret),
            "a refresh credential": str(Credential.mint("rt", self.organization.id, new_id())),
            "an invitation": str(Credential.mint("inv", self.organization.id, new_id())),
            "a publishable key": str(self.organization.keys[0]),
            "a uuid": str(uuid4()),
        }

    def _algorithms(self, head: str, body: str, signature: str) -> dict[str, str]:
        curve = ec.generate_private_key(ec.SECP256R1())
        public = self.key.as_dict(private=False)
        raw = base64.urlsafe_b64decode(f"{public['x']}=")
        found: dict[str, str] = {}
        for name in ("none", "None", "NONE", "nOnE"):
            first = base64url(json.dumps({**self.header, "alg": name}).encode())
            found[f"alg {name} without a signature"] = f"{first}.{body}."
            found[f"alg {name} with the signature"] = f"{first}.{body}.{signature}"
        for kind, secret in (("x", public["x"].encode()), ("raw", raw), ("jwk", json.dumps(public).encode())):  # type: ignore[union-attr]
            first = base64url(json.dumps({**self.header, "alg": "HS256"}).encode())
            found[f"HS256 with the public key as secret ({kind})"] = (
                f"{first}.{body}.{base64url(hmac.digest(secret, f'{first}.{body}'.encode(), 'sha256'))}"
            )
            found[f"EdDSA with such a signature ({kind})"] = (
                f"{head}.{body}.{base64url(hmac.digest(secret, f'{head}.{body}'.encode(), hashlib.sha512))}"
            )
        first = base64url(json.dumps({**self.header, "alg": "ES256"}).encode())
        found["another curve"] = (
            f"{first}.{body}.{base64url(curve.sign(f'{first}.{body}'.encode(), ec.ECDSA(hashes.SHA256()))[:64])}"
        )
        return found


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
    return Forge(issuer, organization)


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
        assert len(variants) >= 100
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
    async def test_refuses_them_by_401_and_without_a_fault(
        self, forge: Forge, edges: dict[str, Edge], capsys: pytest.CaptureFixture[str]
    ) -> None:
        accepted = list[str]()
        async with client(edges["crm"], "crm") as nobody:
            for name, token in forge.variants().items():
                value = f"Bearer {token}".encode()
                answer = await nobody.get(LEADS, headers=[(b"authorization", value)])
                if answer.status_code != 401 or answer.headers.get("www-authenticate") != "Bearer":
                    accepted.append(f"{name}: {answer.status_code}")
                assert answer.json()["code"] in {"unauthorized", "invalid_token"}
                assert len(token) < 20 or token not in answer.text
            assert not accepted
            assert (await nobody.get(LEADS, headers={"authorization": f"Bearer {forge.token()}"})).status_code == 200

    async def test_takes_one_bearer_header_and_nothing_else(self, forge: Forge, edges: dict[str, Edge]) -> None:
        good = forge.token()
        basic = base64.b64encode(f"user:{good}".encode()).decode()
        wrong: list[list[tuple[str, str]]] = [
            [],
            [("authorization", f"Bearer {good}"), ("authorization", f"Bearer {good}")],
            [("authorization", f"Bearer {good}"), ("authorization", "Bearer x")],
            [("authorization", "Basic eDp5"), ("authorization", f"Bearer {good}")],
            [("authorization", f"Bearer {good}, Bearer {good}")],
            [("authorization", f"Bearer {good},{good}")],
            [("authorization", f"Bearer {good} {good}")],
            [("authorization", f"Bearer  {good} x")],
            [("authorization", f"Basic {basic}")],
            [("authorization", good)],
            [("authorization", f"Token {good}")],
            [("authorization", f"Bearer={good}")],
            [("authorization", f"Bearer\t{good}")],
            [("authorization", "Bearer")],
            [("cookie", f"access_token={good}; authorization=Bearer {good}")],
            [("x-authorization", f"Bearer {good}")],
            [("x-access-token", good)],
            [("x-carbot-organization", str(forge.organization.id)), ("x-carbot-user", str(uuid4()))],
            [("x-forwarded-user", "owner"), ("x-forwarded-authorization", f"Bearer {good}")],
            [("proxy-authorization", f"Bearer {good}")],
        ]
        async with client(edges["crm"], "crm") as nobody:
            for headers in wrong:
                answer = await nobody.get(f"{LEADS}?access_token={good}", headers=httpx.Headers(headers))
                assert answer.status_code == 401, headers
            assert (await nobody.get(LEADS, headers={"authorization": f"bearer   {good}"})).status_code == 200

    async def test_says_which_scope_is_missing_by_403(
        self, forge: Forge, edges: dict[str, Edge], issuer: Issuer, organization: Organization
    ) -> None:
        for scopes in ([], ["crm.leads"], ["crm.leads:*"], ["*"], ["crm.leads:read "], ["CRM.LEADS:READ"]):
            token = issuer.token(organization.id, scopes=scopes)
            async with client(edges["crm"], "crm", authorization=f"Bearer {token}") as member:
                answer = await member.get(LEADS)
                assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
