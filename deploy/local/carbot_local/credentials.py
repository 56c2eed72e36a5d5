"""The stack's secrets: made once, kept in one file, completed when a new service needs its own."""

import base64
import os
import secrets
from pathlib import Path
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from carbot_local.database import LOGINS
from carbot_local.errors import StackError
from carbot_local.layout import SERVICES
from carbot_local.nats import PROVISION, new_seed
from carbot_local.users import write_secret

ENCRYPTING_SERVICES = ("tenancy", "crm", "compliance")


class AuditKey(msgspec.Struct, frozen=True):
    """A pair of raw X25519 keys in base64: everybody seals to the public one, compliance opens with the private one."""

    kid: str
    public: str
    private: str


class Credentials(msgspec.Struct, frozen=True):
    """All secrets of a stack. `audit_keys` has the newest last, as the services expect it."""

    superuser: str = ""
    replication: str = ""
    pooler_admin: str = ""
    databases: dict[str, str] = {}
    nats: dict[str, str] = {}
    encryption: dict[str, str] = {}
    audit_keys: list[AuditKey] = []

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """Read the file, make what it lacks, and write it if that was anything."""
        try:
            known = msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else cls()
        except msgspec.MsgspecError as error:
            raise StackError(f"{path} is damaged ({error}): restore it, or make reset") from error
        complete = known.completed()
        if complete != known:
            write_secret(path, msgspec.json.format(msgspec.json.encode(complete)).decode() + "\n")
        return complete

    def completed(self) -> Self:
        """Return the same credentials with everything that is missing made."""
        return type(self)(
            superuser=self.superuser or new_password(),
            replication=self.replication or new_password(),
            pooler_admin=self.pooler_admin or new_password(),
            databases={role: self.databases.get(role) or new_password() for role in LOGINS},
            nats={user: self.nats.get(user) or new_seed() for user in (PROVISION, *SERVICES)},
            encryption={service: self.encryption.get(service) or new_key() for service in ENCRYPTING_SERVICES},
            audit_keys=self.audit_keys or [new_audit_key("local-1")],
        )


def new_password() -> str:
    """Make a password that needs no quoting in an address."""
    return secrets.token_urlsafe(24)


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def new_audit_key(kid: str) -> AuditKey:
    private = X25519PrivateKey.generate()
    raw = (private.public_key().public_bytes_raw(), private.private_bytes_raw())
    public_text, private_text = (base64.b64encode(part).decode() for part in raw)
    return AuditKey(kid, public_text, private_text)
