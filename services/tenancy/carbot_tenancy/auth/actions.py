"""Signing in: the password, the failures that are counted, the organisation that is entered."""

import hashlib
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

import msgspec

from carbot_core.db import Context, Database, Tx
from carbot_core.errors import Forbidden, TooManyRequests, Unauthorized
from carbot_tenancy.auth import queries
from carbot_tenancy.auth.models import SignIn
from carbot_tenancy.fields import read_email
from carbot_tenancy.passwords import Passwords
from carbot_tenancy.sessions import actions as sessions
from carbot_tenancy.sessions.actions import CLOSED, OrganizationClosing
from carbot_tenancy.sessions.models import Seat, Tokens
from carbot_tenancy.sessions.queries import lock_seat
from carbot_tenancy.signing_keys.keyring import KeyRing
from carbot_tenancy.users import queries as users

MOST_FAILURES = 5
WINDOW = timedelta(minutes=15)


class WrongCredentials(Unauthorized):
    """The e-mail address or the password is wrong."""


class TooManyFailures(TooManyRequests):
    """The password was wrong too often: wait as long as Retry-After says."""


class NotAMember(Forbidden):
    """You are no member of this organisation."""


async def sign_in(
    db: Database,
    passwords: Passwords,
    keyring: KeyRing,
    asked: SignIn,
    context: Context,
    *,
    user_agent: str,
    address: str,
    now: datetime,
) -> Tokens:
    """Open a session; raise WrongCredentials, TooManyFailures, NotAMember, OrganizationClosing or PasswordsBusy."""
    user_id = await check_password(db, passwords, asked.email, asked.password, context, now=now)
    key = await keyring.signing_key(now)
    context = msgspec.structs.replace(context, user_id=user_id, actor="user", actor_id=user_id)
    async with db.transaction(context) as tx:
        seat = await _enter(tx, user_id, asked.organization_id)
        issued = await sessions.open_session(tx, seat, user_agent=user_agent, address=address, now=now)
        await users.mark_signed_in(tx, user_id, now)
    return sessions.make_tokens(issued, keyring.issuer, key, now)


async def check_password(
    db: Database, passwords: Passwords, email: str, password: str, context: Context, *, now: datetime
) -> UUID:
    """Return whose password it is; raise WrongCredentials, TooManyFailures or PasswordsBusy.

    An unknown address takes the same statements and the same time. Whoever guesses in parallel learns from no more than the
    permitted failures, since each is counted under the lock of the account before it is answered.
    """
    address = read_email(email) or email.strip().lower()
    account = hashlib.sha256(address.encode()).digest()
    async with db.transaction(context, read_only=True) as tx:
        _refuse_too_many(await queries.find_attempts(tx, account), MOST_FAILURES, now)
        user = await users.find_user(tx, address)
    right = await passwords.verify(user.password_hash if user else None, password)
    allowed = right and user is not None and user.status == "active"
    async with db.transaction(context) as tx:
        attempts = await queries.update_attempts(
            tx, account, failed=0 if allowed else 1, window_ends_at=now + WINDOW, now=now
        )
        if allowed and attempts.failures < MOST_FAILURES:
            await queries.delete_attempts(tx, account)
    _refuse_too_many(attempts, MOST_FAILURES if allowed else MOST_FAILURES + 1, now)
    if user is None or not allowed:
        raise WrongCredentials(reason="unknown, wrong or locked")
    return user.id


def _refuse_too_many(attempts: queries.Attempts | None, too_many: int, now: datetime) -> None:
    if attempts is None or attempts.failures < too_many or attempts.window_ends_at <= now:
        return
    seconds = ceil((attempts.window_ends_at - now).total_seconds())
    raise TooManyFailures(headers={"Retry-After": str(seconds)})


async def _enter(tx: Tx, user_id: UUID, organization_id: UUID | None) -> Seat:
    """Go on in the context of the user's organisation, the named one or the first that is open."""
    closed = False
    for own in await queries.list_own_organizations(tx, user_id, organization_id):
        await tx.enter(own)
        seat = await lock_seat(tx, user_id)
        if seat is not None and seat.is_active and seat.organization_status not in CLOSED:
            return seat
        closed = closed or seat is not None
    raise OrganizationClosing if closed else NotAMember
