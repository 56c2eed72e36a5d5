"""Access tokens and headers that somebody made up: none of them may be accepted by anything."""

import base64
import hashlib
import hmac
import json
from time import time
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from joserfc.jwk import OKPKey

from carbot_core.credentials import Credential
from carbot_core.ids import new_id
from carbot_testing.issuer import ISSUER, Issuer

type Headers = list[tuple[str, str]]

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Forge:
    """Makes tokens; its key is the issuer's own, so that only what is said of a token is wrong with it."""

    def __init__(self, issuer: Issuer, organization_id: UUID) -> None:
        self.key = issuer.key
        self.organization_id = organization_id
        self.claims: dict[str, Any] = msgspec.to_builtins(issuer.claims(organization_id))
        self.header = {"alg": "EdDSA", "kid": "test", "typ": "at+jwt"}

    def sign(self, header: str, claims: str, key: OKPKey | None = None) -> str:
        return self.sign_bytes(header.encode(), claims.encode(), key)

    def sign_bytes(self, header: bytes, claims: bytes, key: OKPKey | None = None) -> str:
        return self.sign_parts(base64url(header), base64url(claims), key)

    def sign_parts(self, header: str, claims: str, key: OKPKey | None = None) -> str:
        """Sign parts as they stand, well encoded or not."""
        signed = f"{header}.{claims}"
        return f"{signed}.{base64url((key or self.key).private_key.sign(signed.encode()))}"  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue] - an Ed25519 pair

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token with members replaced; a member that is None is left out."""
        whole = {n: v for n, v in {**self.header, **(header or {})}.items() if v is not None}
        said = {n: v for n, v in {**self.claims, **claims}.items() if v is not None or n == "workshops"}
        return self.sign(json.dumps(whole), json.dumps(said))

    def variants(self) -> dict[str, str]:
        """Return what must be refused, by what is wrong with it."""
        return {
            **self._algorithms(),
            **self._signatures(),
            **self._claims(),
            **self._headers(),
            **self._encodings(),
            **self._others(),
        }

    def _signatures(self) -> dict[str, str]:
        """Return tokens whose signature is not that of what they say."""
        good = self.token()
        head, body, signature = good.split(".")
        other = OKPKey.generate_key("Ed25519", {"kid": "test"})
        elsewhere = self.token(org=str(uuid4()))
        swapped = base64url(json.dumps({**self.claims, "role": "admin"}).encode())
        public: dict[str, Any] = dict(other.as_dict(private=False))
        claims = json.dumps(self.claims)
        return {
            "signed by another key of the same kid": self.sign(json.dumps(self.header), claims, other),
            "its own key in the header": self.sign(json.dumps({**self.header, "jwk": public}), claims, other),
            "empty signature": f"{head}.{body}.",
            "no signature": f"{head}.{body}",
            "truncated signature": good[:-4],
            "signature shorter by one": good[:-1],
            "longer signature": good + "A",
            "signature twice": good + signature,
            "zero signature": f"{head}.{body}.{'A' * 86}",
            "another spelling of the signature": good[:-1] + _ALPHABET[_ALPHABET.index(good[-1]) + 1],
            "other claims under the signature": f"{head}.{swapped}.{signature}",
            "another organisation's claims under the signature": f"{head}.{elsewhere.split('.')[1]}.{signature}",
            "the signature of another organisation's token": f"{head}.{body}.{elsewhere.split('.')[2]}",
            "other header under the signature": (
                f"{base64url(json.dumps({**self.header, 'x': 1}).encode())}.{body}.{signature}"
            ),
            "parts swapped": f"{body}.{head}.{signature}",
            "four parts": f"{good}.{signature}",
            "a JWE of five": ".".join(["e30"] * 5),
            "nested": self.sign(json.dumps({**self.header, "cty": "JWT"}), json.dumps(good)),
        }

    def _claims(self) -> dict[str, str]:
        """Return tokens that the issuer signed, with claims that it would not make."""
        now = time()
        iso = "2026-11-23T00:00:00Z"
        said: dict[str, tuple[Any, ...]] = {
            "iss": (
                None,
                "https://evil.test",
                ISSUER + ".evil.test",
                ISSUER[:-1],
                [ISSUER],
                "",
                1,
                ISSUER + "/",
                ISSUER.upper(),
            ),
            "aud": (None, "carbots", "", ["carbot"], ["other", "carbot"], {"carbot": 1}, "CarBot", "carbot ", "*"),
            "sub": (None, "admin", 1, "", [str(uuid4())], True),
            "org": (None, "x", [str(self.organization_id)], f"{self.organization_id}\n", 1, "*", ""),
            "role": (None, 1, ["owner"], "a" * 41),
            "scopes": (None, "crm.leads:read", {"crm.leads:read": 1}, [1], "*"),
            "workshops": ("all", ["x"], {}, "*"),
            "sid": ("x", 1),
            "jti": (None, "x", 1),
            "kind": ("system", "guest", 1, ""),
            "iat": (None, str(now), now + 31, now + 10_000, -1, True, "now", iso, -1e300, [now]),
            "exp": (None, str(now + 60), now - 1, now + 10_000, 1e300, 10**400, True, -1, "never", iso, 0, [now + 60]),
            "nbf": (now + 600, str(now + 600), "tomorrow"),
            "auth_time": ("now", -1, True, [now], 10**400),
            "admin": (True,),
            "cnf": ({"jkt": "a"},),
            "act": ({"sub": str(uuid4())},),
            "is_superuser": (True,),
        }
        found = {
            f"claim {name} = {value!r:.40}": self.token(**{name: value})
            for name, values in said.items()
            for value in values
        }
        header, claims = json.dumps(self.header), json.dumps(self.claims)
        for name in ("exp", "iat"):
            for value in ("NaN", "Infinity", "-Infinity", "1e400"):
                odd = claims.replace(f'"{name}": {self.claims[name]}', f'"{name}": {value}')
                found[f"{name} = {value}"] = self.sign(header, odd)
        id_token = {"iss": ISSUER, "aud": "carbot", "sub": str(uuid4()), "nonce": "n", "iat": now, "exp": now + 60}
        return {
            **found,
            "expired": self.token(iat=now - 700, exp=now - 100),
            "exp before iat": self.token(iat=now, exp=now - 1),
            "an ID token": self.sign(json.dumps({**self.header, "typ": "JWT"}), json.dumps(id_token)),
            "an ID token that calls itself an access token": self.sign(header, json.dumps(id_token)),
            "a claim repeated": self.sign(header, claims[:-1] + ', "role": "admin"}'),
            "a claim repeated before": self.sign(header, f'{{"org": "{uuid4()}", {claims[1:]}'),
            "a claim repeated in other letters": self.sign(header, claims[:-1] + f', "\\u006frg": "{uuid4()}"}}'),
            "claims are empty": self.sign(header, "{}"),
            "claims are nothing": self.sign(header, ""),
            "claims are a list": self.sign(header, "[]"),
            "claims are a list of claims": self.sign(header, f"[{claims}]"),
            "claims are null": self.sign(header, "null"),
            "claims are no JSON": self.sign(header, "{"),
            "claims are twice": self.sign(header, claims * 2),
            "claims are deep": self.sign(header, "[" * 2500),
        }

    def _headers(self) -> dict[str, str]:
        """Return tokens that the issuer signed, with headers that it would not make."""
        public: dict[str, Any] = dict(self.key.as_dict(private=False))
        hostile: dict[str, tuple[Any, ...]] = {
            "kid": (None, "", "unknown", "../../../etc/passwd", "test' OR '1'='1", "a" * 65, "a" * 5000, 1, ["test"]),
            "kid ": ("test",),
            "typ": (
                None,
                "JWT",
                "at+JWT",
                "application/at+jwt",
                "refresh+jwt",
                ["at+jwt"],
                "at+jwt ",
                "logout+jwt",
                "dpop+jwt",
            ),
            "alg": (None, "eddsa", "Ed25519", "", ["EdDSA"], 1, "EdDSA ", "EDDSA", "Ed448", "dir"),
            "jwk": (public,),
            "jku": ("https://evil.test/jwks",),
            "x5u": ("https://evil.test/cert",),
            "x5c": (["MIIB"],),
            "x5t": ("AAAA",),
            "crit": (["exp"], [], ["b64"]),
            "b64": (False, True),
            "zip": ("DEF",),
            "cty": ("JWT",),
            "enc": ("A256GCM",),
            "p2c": (10**9,),
            "nonce": ("n",),
        }
        more = (
            "test\x00",
            "TEST",
            "test ",
            " test",
            "t\u0435st",
            {"kid": "test"},
            True,
            "0",
            "/dev/null",
            "https://evil.test/k",
        )
        header, claims = json.dumps(self.header), json.dumps(self.claims)
        return {
            **{f"header kid = {value!r:.40}": self.token({"kid": value}) for value in more},
            **{
                f"header {name} = {value!r:.40}": self.token({name: value})
                for name, values in hostile.items()
                for value in values
            },
            "header repeated": self.sign(header[:-1] + ', "kid": "test"}', claims),
            "header repeated before": self.sign('{"alg": "none", ' + header[1:], claims),
            "header repeated in other letters": self.sign(header[:-1] + ', "\\u0061lg": "none"}', claims),
            "header is empty": self.sign("{}", claims),
            "header is a list": self.sign("[]", claims),
            "header is null": self.sign("null", claims),
            "header is deep": self.sign("[" * 2500, claims),
        }

    def _encodings(self) -> dict[str, str]:
        """Return tokens that say the right thing in a form that is not theirs."""
        good = self.token()
        head, body, signature = good.split(".")
        header, claims = json.dumps(self.header).encode(), json.dumps(self.claims).encode()
        loose_header, loose_claims = (
            _respelled(base64url(part + b" " * (-len(part) % 3 + 1))) for part in (header, claims)
        )
        return {
            "claims are no UTF-8": self.sign_bytes(header, claims.replace(b'"owner"', b'"\xff"')),
            "claims in UTF-16": self.sign_bytes(header, claims.decode().encode("utf-16")),
            "claims in UTF-32": self.sign_bytes(header, claims.decode().encode("utf-32-le")),
            "claims after a byte order mark": self.sign_bytes(header, b"\xef\xbb\xbf" + claims),
            "header in UTF-16": self.sign_bytes(header.decode().encode("utf-16"), claims),
            "header after a byte order mark": self.sign_bytes(b"\xef\xbb\xbf" + header, claims),
            "another spelling of the header": self.sign_parts(loose_header, base64url(claims)),
            "another spelling of the claims": self.sign_parts(base64url(header), loose_claims),
            "oversize": self.token(scopes=["a" * 100] * 100),
            "a mebibyte": "a" * 1_048_576,
            "a mebibyte of claims": f"{head}.{'A' * 1_048_576}.{signature}",
            "padding": f"{head}=.{body}=.{signature}==",
            "padding of the signature": f"{good}==",
            "a line break": f"{head}.{body}\n.{signature}",
            "a line break at the end": f"{good}\n",
            "a tab": f"{head}.\t{body}.{signature}",
            "a blank": f"{head}. {body}.{signature}",
            "quotes": f'"{good}"',
            "standard base64": f"{head}.{body}.{'+/' * 43}",
            "percent-encoded dots": good.replace(".", "%2E"),
            "wide dots": good.replace(".", "。"),
            "upper case": good.upper(),
            "nothing": "",
            "dots": "..",
            "nul": "\x00",
            "a nul at the end": f"{good}\x00",
        }

    def _others(self) -> dict[str, str]:
        """Return secrets that prove something else."""
        prefixes = {
            "a secret key": "cb_live",
            "a refresh credential": "rt",
            "an invitation": "inv",
            "a publishable key": "pk",
        }
        return {
            **{name: str(Credential.mint(prefix, self.organization_id, new_id())) for name, prefix in prefixes.items()},
            "a uuid": str(uuid4()),
            "the organisation's id": str(self.organization_id),
            "a word": "null",
        }

    def headers(self) -> list[Headers]:
        """Return headers, and whole sets of them, that authenticate nobody although a good token is in them."""
        good = self.token()
        basic = base64.b64encode(f"user:{good}".encode()).decode()
        return [
            [],
            [("authorization", f"Bearer {good}"), ("authorization", f"Bearer {good}")],
            [("authorization", f"Bearer {good}"), ("authorization", "Bearer x")],
            [("authorization", "Bearer x"), ("authorization", f"Bearer {good}")],
            [("authorization", "Basic eDp5"), ("authorization", f"Bearer {good}")],
            [("authorization", ""), ("authorization", f"Bearer {good}")],
            [("authorization", f"Bearer {good}, Bearer {good}")],
            [("authorization", f"Bearer {good},{good}")],
            [("authorization", f"Basic eDp5, Bearer {good}")],
            [("authorization", f"Bearer {good} {good}")],
            [("authorization", f"Bearer  {good} x")],
            [("authorization", f"Bearer Bearer {good}")],
            [("authorization", f"Basic {basic}")],
            [("authorization", f"Basic {good}")],
            [("authorization", good)],
            [("authorization", f"Token {good}")],
            [("authorization", f"JWT {good}")],
            [("authorization", f"DPoP {good}")],
            [("authorization", f"Digest {good}")],
            [("authorization", f"Bearer={good}")],
            [("authorization", f"Bearer:{good}")],
            [("authorization", f"Bearer token={good}")],
            [("authorization", f"Bearer\t{good}")],
            [("authorization", "Bearer")],
            [("authorization", "Bearer ")],
            [("cookie", f"access_token={good}; authorization=Bearer {good}; token={good}; session={good}")],
            [("x-authorization", f"Bearer {good}")],
            [("x-access-token", good)],
            [("proxy-authorization", f"Bearer {good}")],
            [("x-forwarded-authorization", f"Bearer {good}")],
            [("sec-websocket-protocol", f"bearer, {good}")],
            *([header] for header in self.spoofed()),
            self.spoofed(),
        ]

    def spoofed(self) -> Headers:
        """Return headers by which a gateway might name somebody; no service may believe them."""
        payload = base64url(json.dumps(self.claims).encode())
        return [
            ("x-carbot-organization", str(self.organization_id)),
            ("x-carbot-user", self.claims["sub"]),
            ("x-carbot-role", "owner"),
            ("x-carbot-scopes", " ".join(self.claims["scopes"])),
            ("x-jwt-payload", payload),
            ("x-endpoint-api-userinfo", payload),
            ("x-amzn-oidc-data", payload),
            ("x-forwarded-user", self.claims["sub"]),
            ("x-forwarded-email", "owner@example.org"),
            ("x-auth-request-user", self.claims["sub"]),
            ("x-remote-user", "owner"),
            ("remote-user", "owner"),
            ("x-user-id", self.claims["sub"]),
            ("x-tenant-id", str(self.organization_id)),
            ("x-organization-id", str(self.organization_id)),
            ("x-original-url", "/health/live"),
            ("x-rewrite-url", "/health/live"),
            ("x-envoy-internal", "true"),
            ("x-envoy-original-path", "/health/live"),
            ("x-http-method-override", "GET"),
            ("x-forwarded-client-cert", "By=spiffe://carbot;Subject=owner"),
            ("forwarded", "for=127.0.0.1;by=gateway"),
        ]

    def _algorithms(self) -> dict[str, str]:
        """Return tokens that want to be proved by another algorithm."""
        head, body, signature = self.token().split(".")
        curve = ec.generate_private_key(ec.SECP256R1())
        public = self.key.as_dict(private=False)
        raw = base64.urlsafe_b64decode(f"{public['x']}=")
        found: dict[str, str] = {}
        for name in ("none", "None", "NONE", "nOnE", " none", ""):
            first = base64url(json.dumps({**self.header, "alg": name}).encode())
            found[f"alg {name} without a signature"] = f"{first}.{body}."
            found[f"alg {name} with the signature"] = f"{first}.{body}.{signature}"
        secrets = {
            "x": str(public["x"]).encode(),
            "raw": raw,
            "jwk": json.dumps(public).encode(),
            "nothing": b"",
            "kid": b"test",
        }
        for kind, secret in secrets.items():
            for name, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
                first = base64url(json.dumps({**self.header, "alg": name}).encode())
                found[f"{name} with the public key as secret ({kind})"] = (
                    f"{first}.{body}.{base64url(hmac.digest(secret, f'{first}.{body}'.encode(), digest))}"
                )
            found[f"EdDSA with such a signature ({kind})"] = (
                f"{head}.{body}.{base64url(hmac.digest(secret, f'{head}.{body}'.encode(), hashlib.sha512))}"
            )
        pair = rsa.generate_private_key(65537, 2048)
        for name in ("RS256", "PS256"):
            first = base64url(json.dumps({**self.header, "alg": name}).encode())
            signed = pair.sign(f"{first}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
            found[f"{name} by a key of its own"] = f"{first}.{body}.{base64url(signed)}"
        first = base64url(json.dumps({**self.header, "alg": "ES256"}).encode())
        found["another curve"] = (
            f"{first}.{body}.{base64url(curve.sign(f'{first}.{body}'.encode(), ec.ECDSA(hashes.SHA256()))[:64])}"
        )
        return found


def _respelled(part: str) -> str:
    """Return another text that decodes to the same bytes: the last character's unused bits are set."""
    return part[:-1] + _ALPHABET[_ALPHABET.index(part[-1]) + 1]
