"""What owners are told."""

from datetime import datetime

from carbot_core.db import Tx
from carbot_tenancy.mails.models import Contents, Mail


async def write_webhook_disabled(_tx: Tx, mail: Mail, _now: datetime) -> Contents:
    return Contents(letter="webhook_disabled", words={}, path=f"/webhooks/{mail.about}")
