"""The services' processes: what each is told, and by which command it runs."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence

from carbot_local.errors import StackError
from carbot_local.layout import DATABASE, HOST, SERVICES
from carbot_local.nats import PROVISION, Consumer
from carbot_local.programs import Program
from carbot_local.stack import Stack

ISSUER = "https://carbot.local"
MAIL_FROM = "CarBot <noreply@carbot.local>"
MAILING_SERVICES = ("tenancy", "crm")
MAINTAIN_EVERY_SECONDS = 3600


def command(service: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"carbot_{service}", *words)


def app_origins() -> list[str]:
    """Return where our own frontends run: $CARBOT_APP_ORIGINS, else the usual places while one is developed."""
    return os.environ.get("CARBOT_APP_ORIGINS", "http://localhost:3000,http://localhost:5173").split(",")


def programs(stack: Stack) -> list[Program]:
    """Return every process of every service that keeps running."""
    return [
        program
        for service in SERVICES
        for program in (_server(stack, service, "api"), _server(stack, service, "worker"), _maintenance(stack, service))
    ]


def consumers() -> dict[str, Sequence[Consumer]]:
    """Ask each service's table of contents what it consumes."""
    declared: dict[str, Sequence[Consumer]] = {}
    for service in SERVICES:
        try:
            declared[service] = importlib.import_module(f"carbot_{service}.app").SERVICE.consumers
        except (ImportError, AttributeError) as error:
            raise StackError(f"carbot_{service}.app does not say what it consumes: {error}") from error
    return declared


def environment(stack: Stack, service: str, kind: str) -> dict[str, str]:
    """Return what the API or the worker of a service is told."""
    role, ports = f"{service}_{kind}", stack.ports.services[service]
    settings = {
        **_common(stack),
        "CARBOT_DATABASE_URL": stack.dsn_pooled(role),
        "CARBOT_DATABASE_RO_URL": stack.dsn_pooled(role, f"{DATABASE}_ro"),
        "CARBOT_NATS_SEED": stack.credentials.nats[service],
        "CARBOT_HTTP_PORT": str(ports.api if kind == "api" else ports.worker),
    }
    if kind == "worker":
        settings["CARBOT_AUDIT_PUBLIC_KEYS"] = ",".join(
            f"{key.kid}:{key.public}" for key in stack.credentials.audit_keys
        )
    if service in MAILING_SERVICES:
        settings["CARBOT_SMTP_URL"] = f"smtp://{HOST}:{stack.ports.smtp}"
        settings["CARBOT_MAIL_FROM"] = MAIL_FROM
        settings["CARBOT_PUBLIC_URL"] = stack.url(stack.ports.gateway)
    return {**settings, **_secrets_of(stack, service, kind)}


def owner_environment(stack: Stack, service: str) -> dict[str, str]:
    """Return what `migrate` and `maintain` are told: they alone come as the owner, and not through the pooler."""
    return {**_common(stack), "CARBOT_DATABASE_OWNER_URL": stack.dsn_direct(f"{service}_migrate")}


def provision_environment(stack: Stack) -> dict[str, str]:
    """Return what `provision` is told: it makes the streams, as the one user of the broker that may."""
    return {**_common(stack), "CARBOT_NATS_SEED": stack.credentials.nats[PROVISION]}


def _common(stack: Stack) -> Mapping[str, str]:
    return {
        "CARBOT_PROFILE": "local",
        "CARBOT_DB_STATEMENT_CACHE": str(stack.statement_cache),
        "CARBOT_NATS_URL": f"nats://{HOST}:{stack.ports.nats}",
        "CARBOT_HTTP_HOST": HOST,
        "CARBOT_JWKS_URL": stack.url(stack.ports.services["tenancy"].api) + "/.well-known/jwks.json",
        "CARBOT_ISSUER": ISSUER,
        "CARBOT_TRUSTED_PROXIES": f"{HOST}/32",
    }


def _secrets_of(stack: Stack, service: str, kind: str) -> Mapping[str, str]:
    secrets: dict[str, str] = {}
    if service in stack.credentials.encryption:
        secrets["CARBOT_KEY_ENCRYPTION_KEY"] = stack.credentials.encryption[service]
    if (service, kind) == ("compliance", "worker"):
        keys = stack.credentials.audit_keys
        secrets["CARBOT_AUDIT_PRIVATE_KEYS"] = ",".join(f"{key.kid}:{key.private}" for key in keys)
    return secrets


def _server(stack: Stack, service: str, kind: str) -> Program:
    return Program(
        name=f"{service}-{kind}",
        argv=command(service, kind),
        environment=environment(stack, service, kind),
        directory=stack.home.root,
    )


def _maintenance(stack: Stack, service: str) -> Program:
    words = " ".join(command(service, "maintain"))
    return Program(
        name=f"{service}-maintain",
        argv=("/bin/sh", "-c", f"while sleep {MAINTAIN_EVERY_SECONDS}; do {words}; done"),
        environment=owner_environment(stack, service),
        directory=stack.home.root,
    )
