"""Checking who somebody is: password and second factor, and the failures that are counted."""

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Literal
from uuid import UUID

import msgspec

from carbot_core.context import Context
from carbot_core.crypto import Vault
from carbot_core.db import Database, Tx
from carbot_core.errors import TooManyRequests, Unauthorized
from carbot_tenancy.auth import queries
from carbot_tenancy.auth.queries import Attempts
from carbot_tenancy.fields import read_email
from carbot_tenancy.passwords import Passwords
from carbot_tenancy.second_factors import codes
from carbot_tenancy.second_factors import queries as second_factors
from carbot_tenancy.second_factors.vault import open_secret
from carbot_tenancy.users import queries as users
from carbot_tenancy.users.models import User

MOST_FAILURES = 5
MOST_FAILURES_OF_NETWORK = 50
"""More than a workshop's people mistype behind one address, far fewer than guessing needs."""
WINDOW = timedelta(minutes=15)
_IPV6_PREFIX = 64
"""What one customer of a provider gets (RIPE-690)."""

type Outcome = Literal["right", "wrong", "incomplete"]


class WrongCredentials(Unauthorized):
    """The e-mail address, the password or the code is wrong."""


class SecondFactorRequired(Unauthorized):
    """Send the code of your authenticator app as well, or a recovery code."""


class TooManyFailures(TooManyRequests):
    """The password or the code was wrong too often: wait as long as Retry-After says."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody shows to be let in."""

    email: str
    password: str
    totp: str | None = None
    recovery_code: str | None = None


async def check_credentials(
    db: Database, passwords: Passwords, vault: Vault, shown: Shown, context: Context, *, address: str, now: datetime
) -> UUID:
    """Return whose password and second factor these are.

    Raises WrongCredentials, SecondFactorRequired, TooManyFailures or PasswordsBusy. An unknown address takes the same
    statements and the same time as a known one. Whoever guesses in parallel learns from no more than the permitted failures,
    since each is counted under the lock of the account before it is answered.
    """
    return await _check(db, passwords, vault, shown, context, address=address, now=now)


async def check_password(
    db: Database, passwords: Passwords, shown: Shown, context: Context, *, address: str, now: datetime
) -> UUID:
    """Do the same where the second factor is not asked for: somebody who is signed in shows the password."""
    return await _check(db, passwords, None, shown, context, address=address, now=now)


async def forget_failures(tx: Tx, email: str) -> None:
    """Let a locked account in again: its owner has just proved the address."""
    await queries.delete_attempts(tx, _key_of("account", email))


async def _check(
    db: Database,
    passwords: Passwords,
    vault: Vault | None,
    shown: Shown,
    context: Context,
    *,
    address: str,
    now: datetime,
) -> UUID:
    passwords.refuse_if_busy()
    email = read_email(shown.email) or shown.email.strip().lower()
    account, network = _key_of("account", email), _key_of("network", network_of(address))
    limits = {account: MOST_FAILURES, network: MOST_FAILURES_OF_NETWORK}
    async with db.transaction(context, read_only=True) as tx:
        _refuse_too_many(await queries.list_attempts(tx, list(limits)), limits, now)
        user = await users.find_user(tx, email)
    right = await passwords.verify(user.password_hash if user else None, shown.password)
    async with db.transaction(context) as tx:
        outcome: Outcome = "wrong"
        if right and user is not None and user.status == "active":
            outcome = "right" if vault is None else await _check_second_factor(tx, vault, user, shown, now)
        failed = outcome == "wrong"
        counted = await queries.update_attempts(
            tx, sorted(limits) if failed else [account], failed=int(failed), window_ends_at=now + WINDOW, now=now
        )
        if outcome == "right" and counted[0].failures < MOST_FAILURES:
            await queries.delete_attempts(tx, account)
    # The failure that reaches the limit is still answered as what it is.
    _refuse_too_many(counted, {key: most + failed for key, most in limits.items()}, now)
    if outcome == "incomplete":
        raise SecondFactorRequired
    if user is None or failed:
        raise WrongCredentials(reason="unknown, wrong or locked")
    return user.id


async def _check_second_factor(tx: Tx, vault: Vault, user: User, shown: Shown, now: datetime) -> Outcome:
    """Take the code; none is taken twice (RFC 6238, 5.2)."""
    if user.factor_id is None or user.factor_secret is None:
        return "right"
    taken = False
    if shown.totp is not None:
        step = codes.step_of(open_secret(vault, user.factor_id, user.factor_secret), shown.totp, now)
        taken = step is not None and await second_factors.mark_step_used(tx, user.id, step)
    elif shown.recovery_code is not None:
        code_hash = codes.hash_of(shown.recovery_code)
        taken = await second_factors.mark_recovery_code_used(tx, user.id, code_hash, now)
    else:
        return "incomplete"
    return "right" if taken else "wrong"


def network_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, _IPV6_PREFIX), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)


def _key_of(kind: Literal["account", "network"], text: str) -> bytes:
    return hashlib.sha256(f"{kind} {text}".encode()).digest()


def _refuse_too_many(counted: list[Attempts], limits: dict[bytes, int], now: datetime) -> None:
    over = [
        attempts.window_ends_at
        for attempts in counted
        if attempts.failures >= limits[attempts.account_hash] and attempts.window_ends_at > now
    ]
    if over:
        raise TooManyFailures(headers={"Retry-After": str(ceil((max(over) - now).total_seconds()))})
