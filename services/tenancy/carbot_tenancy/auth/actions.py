"""Signing in, showing the credentials once more, and going to another organisation."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import msgspec

from carbot_core.auth.principal import Principal
from carbot_core.auth.tokens import LIFETIME_SECONDS
from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database, Tx
from carbot_core.errors import Forbidden, Unauthorized
from carbot_tenancy.accounts import queries as accounts
from carbot_tenancy.accounts.actions import AccountNotFound
from carbot_tenancy.auth import queries
from carbot_tenancy.auth.credentials import Shown, check_credentials
from carbot_tenancy.auth.models import AccessToken, SignIn, StepUp, Switch
from carbot_tenancy.passwords import Passwords
from carbot_tenancy.sessions import actions as sessions
from carbot_tenancy.sessions.actions import OrganizationClosing, is_closed_to
from carbot_tenancy.sessions.models import Seat, Tokens
from carbot_tenancy.sessions.queries import lock_seat, mark_authenticated
from carbot_tenancy.signing_keys.keyring import KeyRing
from carbot_tenancy.users import queries as users


class NotAMember(Forbidden):
    """You are no member of this organisation."""


class SessionEnded(Unauthorized):
    """Your session has ended: sign in again."""


async def sign_in(
    db: Database,
    passwords: Passwords,
    vault: Vault,
    keyring: KeyRing,
    asked: SignIn,
    context: Context,
    *,
    user_agent: str,
    address: str,
    now: datetime,
) -> Tokens:
    """Open a session.

    Raises WrongCredentials, SecondFactorRequired, TooManyFailures, NotAMember, OrganizationClosing or PasswordsBusy.
    """
    shown = Shown(email=asked.email, password=asked.password, totp=asked.totp, recovery_code=asked.recovery_code)
    user_id = await check_credentials(db, passwords, vault, shown, context, address=address, now=now)
    key = await keyring.signing_key(now)
    context = msgspec.structs.replace(context, user_id=user_id, actor="user", actor_id=user_id)
    async with db.transaction(context) as tx:
        seat = await _enter(tx, user_id, asked.organization_id)
        issued = await sessions.open_session(
            tx, seat, authenticated_at=now, user_agent=user_agent, address=address, now=now
        )
        await users.mark_signed_in(tx, user_id, now)
    return sessions.make_tokens(issued, keyring.issuer, key, now)


async def step_up(
    db: Database,
    begin: Callable[[], Awaitable[Tx]],
    passwords: Passwords,
    vault: Vault,
    keyring: KeyRing,
    caller: Principal,
    asked: StepUp,
    context: Context,
    *,
    address: str,
    now: datetime,
) -> AccessToken:
    """Give the session an access token that says that the credentials were shown now.

    Raises WrongCredentials, SecondFactorRequired, TooManyFailures, SessionEnded, AccountNotFound or PasswordsBusy.
    """
    async with db.transaction(context, read_only=True) as tx:
        account = await accounts.find_account(tx, caller.id)
    if account is None:
        raise AccountNotFound
    shown = Shown(email=account.email, password=asked.password, totp=asked.totp, recovery_code=asked.recovery_code)
    await check_credentials(db, passwords, vault, shown, context, address=address, now=now)
    key = await keyring.signing_key(now)
    tx = await begin()
    seat = await lock_seat(tx, caller.id)
    if caller.session_id is None or seat is None or not await mark_authenticated(tx, caller.session_id, caller.id, now):
        raise SessionEnded
    token = sessions.make_access_token(seat, caller.session_id, now, keyring.issuer, key, now)
    return AccessToken(access_token=token, expires_in=LIFETIME_SECONDS)


async def switch(
    tx: Tx, keyring: KeyRing, caller: Principal, asked: Switch, *, user_agent: str, address: str, now: datetime
) -> Tokens:
    """Open a session in another organisation of the caller, beside the one that there is; raise NotAMember, OrganizationClosing."""
    key = await keyring.signing_key(now)
    async with tx.within(asked.organization_id):
        seat = await lock_seat(tx, caller.id)
        if seat is None or not seat.is_active:
            raise NotAMember
        if is_closed_to(seat):
            raise OrganizationClosing
        authenticated_at = caller.authenticated_at or caller.issued_at
        issued = await sessions.open_session(
            tx, seat, authenticated_at=authenticated_at, user_agent=user_agent, address=address, now=now
        )
    return sessions.make_tokens(issued, keyring.issuer, key, now)


async def _enter(tx: Tx, user_id: UUID, organization_id: UUID | None) -> Seat:
    """Go on in the context of the user's organisation, the named one or the first that is open, else one that is closing."""
    closing: Seat | None = None
    member = False
    for own in await queries.list_own_organizations(tx, user_id, organization_id):
        await tx.enter(own)
        seat = await lock_seat(tx, user_id)
        if seat is None or not seat.is_active:
            continue
        member = True
        if seat.organization_status not in sessions.CLOSED:
            return seat
        if closing is None and not is_closed_to(seat):
            closing = seat
    if closing is None:
        raise OrganizationClosing if member else NotAMember
    await tx.enter(closing.organization_id)
    return closing
