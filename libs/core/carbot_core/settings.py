"""Settings: read once from the environment into a frozen Struct; a mistake is one line that says how to mend it."""

from collections.abc import Mapping
from typing import Annotated, Literal, get_type_hints

import msgspec

PREFIX = "CARBOT_"

_PORT = r"(:([0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_PLACE = rf"(\[[0-9A-Fa-f:.]+\]|[^\s/:@,\[\]]+){_PORT}"
_SEALING_KEY = r"[A-Za-z0-9._-]+:[A-Za-z0-9+/]{43}="

Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a free TCP port, for example 9000")]
PostgresUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^postgres(ql)?://[^\s:@/]+(:[^\s@/]*)?@{_PLACE}(,{_PLACE})*/[^\s/]+$(?!\n)",
        description="a PostgreSQL address, for example postgresql://role:password@127.0.0.1:6432/carbot",
    ),
]
NatsUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(nats|tls)://{_PLACE}$(?!\n)", description="a NATS address, for example nats://127.0.0.1:4222"
    ),
]
NatsSeed = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^SU[A-Z2-7]{56}$(?!\n)", description="the nkey seed of a NATS user, as `nk -gen user` makes it"
    ),
]
HttpUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^https?://{_PLACE}(/\S*)?$(?!\n)", description="an HTTP address, for example http://127.0.0.1:8080"
    ),
]
Base64Key = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9+/]{43}=$(?!\n)",
        description="32 random bytes in base64, as `openssl rand -base64 32` makes them",
    ),
]
SealingKeys = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^{_SEALING_KEY}(,{_SEALING_KEY})*$(?!\n)",
        description="X25519 keys as id:base64, newest last, parted by commas",
    ),
]
TrustedProxies = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9A-Fa-f.:]+/[0-9]{1,3}(,[0-9A-Fa-f.:]+/[0-9]{1,3})*$(?!\n)",
        description="networks parted by commas, for example 10.0.0.0/8,fd00::/8",
    ),
]

SmtpUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^smtp://[^/\s]+$(?!\n)", description="the address of a mail server, for example smtp://127.0.0.1:1025"
    ),
]
Sender = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^\x00-\x1f\x7f@]+@[^\x00-\x1f\x7f@]+$(?!\n)",
        description="whom mails are from, for example CarBot <noreply@carbot.example>",
    ),
]


class SettingError(SystemExit):
    """A setting is missing or malformed; the text names it, what is wrong, and the mend. The process ends with status 2."""

    def __init__(self, sentence: str) -> None:
        super().__init__(2)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every process of every service needs to know."""

    profile: Literal["local", "production"] = "production"
    database_url: PostgresUrl
    database_ro_url: PostgresUrl | None = None
    db_statement_cache: Annotated[
        int,
        msgspec.Meta(
            ge=0, le=10000, description="how many prepared statements the pooler keeps; 0 for PgBouncer before 1.21"
        ),
    ] = 0
    nats_url: NatsUrl
    nats_seed: NatsSeed
    http_host: str = "127.0.0.1"
    http_port: Port
    jwks_url: HttpUrl
    issuer: str
    trusted_proxies: TrustedProxies = ""
    """The networks of the gateway: what it says of the client's address is believed, and what anybody else says is not."""
    audit_public_keys: SealingKeys = ""
    app_version: str = "0.1.0"


def read[T: msgspec.Struct](kind: type[T], environ: Mapping[str, str]) -> T:
    """Read CARBOT_<FIELD> for every field of the Struct; raise SettingError for the first that is missing or malformed.

    A value is never repeated in the error: it may be a secret.
    """
    hints = get_type_hints(kind, include_extras=True)
    found: dict[str, str] = {}
    for field in msgspec.structs.fields(kind):
        name = PREFIX + field.name.upper()
        value = environ.get(name)
        if value:
            try:
                msgspec.convert(value, hints[field.name], strict=False)
            except msgspec.ValidationError as error:
                raise SettingError(f"{name} is malformed: {_reason(error)}. {_mend(name, hints[field.name])}") from None
            found[field.name] = value
        elif field.required:
            raise SettingError(f"{name} is missing. {_mend(name, hints[field.name])}")
    return msgspec.convert(found, kind, strict=False)


def _reason(error: msgspec.ValidationError) -> str:
    text = str(error)
    if "matching regex" in text:
        return "it does not have the form that is expected"
    if "enum value" in text:
        return "it is none of the values that are allowed"
    return text[:1].lower() + text[1:]


def _mend(name: str, hint: object) -> str:
    for part in (hint, *getattr(hint, "__args__", ())):
        for meta in getattr(part, "__metadata__", ()):
            if isinstance(meta, msgspec.Meta) and meta.description:
                return f"Set it to {meta.description}."
    choices = getattr(hint, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return f"Set it to one of {', '.join(choices)}."
    return f"Set {name} in the environment of the process."
