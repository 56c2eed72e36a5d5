"""Reading and changing one's own account; every change of what lets somebody in is told by mail."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_core.auth.principal import Principal
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.db import ConstraintViolated, Database, Tx
from carbot_core.errors import FieldError, Invalid, NotFound, PreconditionFailed
from carbot_core.ids import OPERATOR
from carbot_tenancy.accounts import queries
from carbot_tenancy.accounts.models import (
    Account,
    AccountEdit,
    AccountToken,
    Affiliation,
    PasswordChange,
    Profile,
    Reset,
)
from carbot_tenancy.auth import credentials
from carbot_tenancy.auth.queries import list_own_organizations
from carbot_tenancy.fields import require_email
from carbot_tenancy.links import EMAIL_CHANGE, PASSWORD_RESET, TokenNotValid
from carbot_tenancy.mails.actions import queue_account_mail, queue_mail
from carbot_tenancy.passwords import Passwords, refuse_weak
from carbot_tenancy.sessions import actions as sessions

RESET_LIFETIME = EMAIL_CHANGE_LIFETIME = timedelta(hours=1)


class AccountNotFound(NotFound):
    """There is no such account any more."""


class SameEmail(Invalid):
    """This is your address already."""


async def read_profile(tx: Tx, user_id: UUID) -> Profile:
    """Return the account and where it belongs; raise AccountNotFound."""
    account = await queries.find_account(tx, user_id)
    if account is None:
        raise AccountNotFound
    affiliations: list[Affiliation] = []
    async with tx.within(None):
        for organization_id in await list_own_organizations(tx, user_id, None):
            await tx.enter(organization_id)
            affiliation = await queries.find_affiliation(tx, user_id)
            if affiliation is not None:
                affiliations.append(affiliation)
    return Profile(**msgspec.structs.asdict(account), organizations=affiliations)


async def edit_account(tx: Tx, user_id: UUID, revision: int, edit: AccountEdit, now: datetime) -> Profile:
    """Change name or language; raise AccountNotFound or PreconditionFailed."""
    account = await queries.find_account(tx, user_id)
    if account is None:
        raise AccountNotFound
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    changed = msgspec.structs.replace(account, revision=revision, **changes)
    if account.revision != revision or not await queries.update_account(tx, changed, now):
        raise PreconditionFailed
    return await read_profile(tx, user_id)


async def change_password(
    db: Database,
    begin: Callable[[], Awaitable[Tx]],
    passwords: Passwords,
    caller: Principal,
    change: PasswordChange,
    context: Context,
    *,
    address: str,
    now: datetime,
) -> None:
    """Store a new password and sign out everything else.

    Raises AccountNotFound, WrongCredentials, TooManyFailures, WeakPassword or PasswordsBusy.
    """
    async with db.transaction(context, read_only=True) as tx:
        account = await queries.find_account(tx, caller.id)
    if account is None:
        raise AccountNotFound
    refuse_weak(change.new_password, email=account.email, name=account.name, pointer="/new_password")
    shown = credentials.Shown(email=account.email, password=change.current_password)
    await credentials.check_password(db, passwords, shown, context, address=address, now=now)
    password_hash = await passwords.hash(change.new_password)
    await _store_password(await begin(), account, password_hash, now, keep=caller.session_id)


async def request_reset(db: Database, text: str, context: Context, now: datetime) -> None:
    """Write to the address if it has an account, which only the worker looks up; raise InvalidEmail."""
    email = require_email(text, "/email")
    async with db.transaction(msgspec.structs.replace(context, organization_id=OPERATOR)) as tx:
        await queue_mail(tx, "password_reset", email, locale="de", about=OPERATOR, now=now)


async def reset_password(db: Database, passwords: Passwords, reset: Reset, context: Context, *, now: datetime) -> None:
    """Store a new password by a link's token, and sign out everything; raise TokenNotValid, WeakPassword or PasswordsBusy."""
    async with db.transaction(context, read_only=True) as tx:
        stored = await _find_token(tx, reset.token, PASSWORD_RESET, now)
        account = await queries.find_account(tx, stored.user_id)
    if account is None:
        raise TokenNotValid(reason="the account is gone")
    refuse_weak(reset.password, email=account.email, name=account.name, pointer="/password")
    password_hash = await passwords.hash(reset.password)
    async with db.transaction(context) as tx:
        if not await queries.delete_token(tx, stored.id):
            raise TokenNotValid(reason="used at this moment")
        await _store_password(tx, account, password_hash, now, keep=None)
        await credentials.forget_failures(tx, account.email)


async def request_email_change(tx: Tx, user_id: UUID, text: str, now: datetime) -> None:
    """Write to both addresses; raise AccountNotFound, InvalidEmail or SameEmail.

    Whether another account has the new address is looked up only when the mail is written: nothing here depends on it.
    """
    account = await queries.find_account(tx, user_id)
    if account is None:
        raise AccountNotFound
    email = require_email(text, "/email")
    if email == account.email:
        raise SameEmail(errors=(FieldError("/email", SameEmail.sentence()),))
    await queue_account_mail(tx, "email_change", account, now=now)
    await queue_account_mail(tx, "email_change", account, to=email, now=now)


async def confirm_email(db: Database, text: str, context: Context, *, now: datetime) -> None:
    """Let the account have the address that the link was sent to, and tell the old one; raise TokenNotValid."""
    async with db.transaction(context) as tx:
        stored = await _find_token(tx, text, EMAIL_CHANGE, now)
        account = await queries.find_account(tx, stored.user_id)
        if account is None or stored.new_email is None or not await queries.delete_token(tx, stored.id):
            raise TokenNotValid(reason="used at this moment")
        try:
            await queries.update_email(tx, account.id, stored.new_email, now)
        except ConstraintViolated as violation:
            raise TokenNotValid(reason="the address came to another account") from violation
        await queries.delete_tokens_of_user(tx, account.id)
        await queue_account_mail(tx, "email_changed", account, now=now)


async def _find_token(tx: Tx, text: str, prefix: str, now: datetime) -> AccountToken:
    token = Credential.parse(text, prefix)
    if token is None:
        raise TokenNotValid(reason="form")
    purpose = "reset_password" if prefix == PASSWORD_RESET else "change_email"
    stored = await queries.find_token(tx, token.id, purpose)
    if stored is None or stored.expires_at <= now or not token.proves(stored.token_hash):
        raise TokenNotValid(reason="unknown, used or expired")
    return stored


async def _store_password(tx: Tx, account: Account, password_hash: str, now: datetime, *, keep: UUID | None) -> None:
    await queries.update_password(tx, account.id, password_hash, now)
    await queries.delete_tokens_of_user(tx, account.id)
    await sessions.end_sessions(tx, account.id, "password_changed", now, keep=keep)
    await queue_account_mail(tx, "password_changed", account, now=now)
