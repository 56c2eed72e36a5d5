"""A setting that is wrong: one line that names it, says what is wrong, and how to mend it; its value is never repeated."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from carbot_core.cli import BrokerSettings, OwnerSettings
from carbot_core.settings import PREFIX, SettingError, Settings, read
from carbot_testing.running import Place, services

CANARY = "kanarienvogel"
KINDS: dict[str, Any] = {
    "core": Settings,
    "owner": OwnerSettings,
    "broker": BrokerSettings,
    **{name: service.settings for name, service in services().items()},
}
FIELDS = [(name, field.name) for name, kind in KINDS.items() for field in msgspec.structs.fields(kind)]
REQUIRED = [
    (name, field.name) for name, kind in KINDS.items() for field in msgspec.structs.fields(kind) if field.required
]
FREE_TEXT = {"issuer", "http_host", "app_version", "chat_endpoint_key", "chat_endpoint_model"}
ADDRESSES = (
    f"mysql://a:{CANARY}@h/d",
    f"postgresql://{CANARY}",
    f"postgresql://a:{CANARY}@h:port/d",
    f"postgresql://a:{CANARY}@h:99999/d",
    f"postgresql://a:{CANARY}@h",
    f"postgresql://a:{CANARY}@h/d\n",
    f"postgresql://a:{CANARY}@h/d e",
    f" postgresql://a:{CANARY}@h/d",
)
MALFORMED = {
    **dict.fromkeys(("database_url", "database_ro_url", "database_owner_url"), ADDRESSES),
    "nats_url": (
        f"http://{CANARY}",
        f"nats://{CANARY}:port",
        f"nats://{CANARY}:70000",
        f"nats://{CANARY}/x",
        f"nats://{CANARY}@h",
    ),
    "nats_seed": (CANARY, f"SU{CANARY}", "SU" + "a" * 56, "UA" + "A" * 56, "SU" + "A" * 57),
    "http_port": (CANARY, "0", "65536", "-1", "1.5", "8080x"),
    "jwks_url": (CANARY, f"ftp://{CANARY}", f"http://{CANARY}:x/", f"http://{CANARY} x", f"http://{CANARY}@h/"),
    "profile": (CANARY, "Production", "prod"),
    "db_statement_cache": (CANARY, "-1", "10001"),
    **dict.fromkeys(
        ("audit_public_keys", "audit_private_keys"), (CANARY, f"{CANARY}:", f"a:{CANARY}", f"a:{'A' * 43}=,{CANARY}")
    ),
    "key_encryption_key": (CANARY, "A" * 44, "A" * 42 + "==", "A" * 43),
    "stream_replicas": (CANARY,),
    "trusted_proxies": (CANARY, "172.16.1.1", "172.16.0.0/12,", "172.16.0.0/12 10.1.0.0/16"),
}


@dataclass
class Complaint:
    status: Any
    sentence: str


@pytest.fixture
def environment(place: Place) -> dict[str, str]:
    return {
        **place.environment("crm", "api"),
        "CARBOT_APP_VERSION": "1",
        "CARBOT_HTTP_HOST": "127.0.0.1",
        "CARBOT_DB_STATEMENT_CACHE": "0",
        "CARBOT_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
        "CARBOT_STREAM_REPLICAS": "1",
        "CARBOT_CHAT_ENDPOINT_URL": "http://127.0.0.1:1/v1",
        "CARBOT_CHAT_ENDPOINT_KEY": "key",
        "CARBOT_CHAT_ENDPOINT_MODEL": "model",
    }


def complaint(kind: Any, environment: dict[str, str]) -> Complaint:
    with pytest.raises(SettingError) as caught:
        read(kind, environment)
    return Complaint(caught.value.code, str(caught.value))


@pytest.mark.parametrize("name", KINDS)
def test_right_ones_are_read(name: str, environment: dict[str, str]) -> None:
    settings = read(KINDS[name], environment)
    for field in msgspec.structs.fields(KINDS[name]):
        assert str(getattr(settings, field.name)) == environment[PREFIX + field.name.upper()]


@pytest.mark.parametrize(("name", "field"), REQUIRED)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_one_is_named(name: str, field: str, value: str | None, environment: dict[str, str]) -> None:
    variable = PREFIX + field.upper()
    del environment[variable]
    if value is not None:
        environment[variable] = value
    found = complaint(KINDS[name], environment)
    assert found.status == 2
    assert found.sentence.startswith(f"{variable} is missing. Set ")
    assert "\n" not in found.sentence


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_malformed_one_is_named_and_not_repeated(name: str, field: str, environment: dict[str, str]) -> None:
    variable = PREFIX + field.upper()
    values = MALFORMED.get(field, (f"{CANARY}\n",))
    for value in values if field not in FREE_TEXT else ():
        found = complaint(KINDS[name], {**environment, variable: value})
        assert found.status == 2
        assert found.sentence.startswith(f"{variable} is malformed: "), value
        assert ". Set it to " in found.sentence
        assert "\n" not in found.sentence
        assert CANARY not in found.sentence
        assert len(value) < 5 or value not in found.sentence


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://crm_api:pa%40ss@127.0.0.1:6432/carbot",
        "postgres://crm_api@db/carbot",
        "postgresql://crm_api:x@[::1]:5432/carbot?sslmode=require",
        "postgresql://crm_api:x@a:5432,b:5432/carbot",
        "postgresql://crm_api:x@db.carbot.svc.cluster.local/carbot",
    ],
)
def test_address_may_have_every_right_form(address: str, environment: dict[str, str]) -> None:
    assert read(Settings, {**environment, "CARBOT_DATABASE_URL": address}).database_url == address


def test_unknown_variables_are_passed_over(environment: dict[str, str]) -> None:
    assert read(Settings, {**environment, "CARBOT_WHATEVER": "1"})
