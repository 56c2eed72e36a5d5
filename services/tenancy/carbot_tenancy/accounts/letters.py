"""What the mails about an account say, decided when they are written: what was asked may be over by then."""

from datetime import datetime

from carbot_core.credentials import Credential
from carbot_core.db import Tx
from carbot_core.ids import OPERATOR, new_id
from carbot_tenancy.accounts import queries
from carbot_tenancy.accounts.actions import EMAIL_CHANGE_LIFETIME, RESET_LIFETIME
from carbot_tenancy.links import EMAIL_CHANGE, PASSWORD_RESET
from carbot_tenancy.mails.models import Contents, Mail
from carbot_tenancy.users import queries as users


async def write_password_reset(tx: Tx, mail: Mail, now: datetime) -> Contents | None:
    """Return the mail with the link, in the language of the account; None if the address has none."""
    recipient = await users.find_recipient_of_email(tx, mail.recipient)
    if recipient is None:
        return None
    token = Credential.mint(PASSWORD_RESET, OPERATOR, new_id())
    await queries.insert_token(
        tx, token, recipient.id, "reset_password", None, expires_at=now + RESET_LIFETIME, now=now
    )
    path = f"/reset-password?token={token}"
    return Contents(letter="password_reset", words={"name": recipient.name}, path=path, locale=recipient.locale)


async def write_email_change(tx: Tx, mail: Mail, now: datetime) -> Contents | None:
    """Return what the old address is told, or what the new one is sent: a link, unless another account has it."""
    account = await users.find_recipient(tx, mail.about)
    if account is None:
        return None
    words = {"name": account.name}
    if account.email == mail.recipient:
        return Contents(letter="email_change_requested", words=words, path="/account")
    if await users.find_known(tx, mail.recipient):
        return Contents(letter="address_known", words={}, path="/sign-in")
    token = Credential.mint(EMAIL_CHANGE, OPERATOR, new_id())
    expires_at = now + EMAIL_CHANGE_LIFETIME
    await queries.insert_token(tx, token, account.id, "change_email", mail.recipient, expires_at=expires_at, now=now)
    return Contents(letter="confirm_email", words=words, path=f"/confirm-email?token={token}")


async def write_email_changed(tx: Tx, mail: Mail, _now: datetime) -> Contents | None:
    """Return what the old address is told."""
    account = await users.find_recipient(tx, mail.about)
    words = {"name": account.name, "new_email": account.email} if account else {}
    return account and Contents(letter="email_changed", words=words, path="/password-reset")


async def write_password_changed(tx: Tx, mail: Mail, _now: datetime) -> Contents | None:
    account = await users.find_recipient(tx, mail.about)
    return account and Contents(letter="password_changed", words={"name": account.name}, path="/password-reset")


async def write_second_factor_changed(tx: Tx, mail: Mail, _now: datetime) -> Contents | None:
    """Return that there is a second factor now, or that there is none any more."""
    account = await users.find_recipient(tx, mail.about)
    if account is None:
        return None
    letter = "second_factor_on" if account.second_factor else "second_factor_off"
    return Contents(letter=letter, words={"name": account.name}, path="/password-reset")
