"""What the services report of their changes, sealed, on the audit stream."""

from collections import defaultdict
from typing import Any, Final, override
from uuid import UUID

import msgspec

from carbot_compliance.audit import actions
from carbot_compliance.audit.models import Report
from carbot_core import crypto
from carbot_core.consume import Consumer, Envelope, Unreadable
from carbot_core.crypto import Opener, Vault
from carbot_core.db import Tx
from carbot_core.settings import SettingError

SUBJECTS: Final = "audit.>"
_reports = msgspec.json.Decoder(Report)


class AuditConsumer(Consumer):
    """Records the reports of every service; those of an organisation that arrive together in one statement."""

    batch = 500
    """The more of a backlog comes at once, the fewer transactions it takes."""

    def __init__(self, opener: Opener | None = None, vault: Vault | None = None) -> None:
        super().__init__("compliance", "audit", "AUDIT", {})
        self.subjects = (SUBJECTS,)
        self._opener = opener
        self._vault = vault

    @override
    def prepare(self, settings: Any) -> Consumer:
        if not settings.audit_private_keys:
            raise SettingError(
                "CARBOT_AUDIT_PRIVATE_KEYS is missing. Set it to X25519 private keys as kid:base64,kid:base64, the newest last."
            )
        return AuditConsumer(Opener(settings.audit_private_keys), Vault.from_base64(settings.key_encryption_key))

    @override
    def read(self, envelope: Envelope, body: bytes) -> Report:
        if self._opener is None or envelope.seal_key is None:
            raise Unreadable("the body is not sealed")
        try:
            plain = self._opener.open(body, envelope.seal_key, str(envelope.event_id))
            # PostgreSQL writes JSON with spaces; what is compared and stored has none.
            return _reports.decode(msgspec.json.format(plain, indent=-1))
        except crypto.Unreadable as error:
            raise Unreadable("the body does not open: the key is unknown or the bytes were changed") from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable("the body is not a report of changes") from error

    @override
    async def take(self, tx: Tx, events: list[tuple[Envelope, Report]]) -> None:
        if self._vault is None:
            raise RuntimeError("an audit consumer is prepared with its keys before it runs")
        reports: dict[UUID, dict[UUID, Report]] = defaultdict(dict)
        for envelope, report in events:
            reports[envelope.organization_id][envelope.event_id] = report
        for organization_id, own in reports.items():
            await tx.enter(organization_id)
            await actions.record(tx, self._vault, own)
