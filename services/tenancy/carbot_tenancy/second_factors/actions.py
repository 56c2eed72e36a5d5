"""Setting up, using and removing the second factor."""

from datetime import datetime
from uuid import UUID

from carbot_core.crypto import Vault
from carbot_core.db import Tx
from carbot_core.errors import Conflict, FieldError, Invalid
from carbot_core.ids import new_id
from carbot_tenancy.accounts import queries as accounts
from carbot_tenancy.accounts.actions import AccountNotFound
from carbot_tenancy.mails.actions import queue_account_mail
from carbot_tenancy.second_factors import codes, queries
from carbot_tenancy.second_factors.models import Enrolment, RecoveryCodes, SecondFactor
from carbot_tenancy.second_factors.vault import open_secret, seal_secret


class SecondFactorOn(Conflict):
    """You have a second factor: remove it before you set up another."""


class SecondFactorOff(Conflict):
    """There is no second factor: set one up first."""


class WrongCode(Invalid):
    """The code is wrong or too old: take the one that the app shows now."""


async def enrol(tx: Tx, vault: Vault, user_id: UUID, now: datetime) -> Enrolment:
    """Make a secret, which counts once it is confirmed; raise AccountNotFound or SecondFactorOn."""
    account = await accounts.find_account(tx, user_id)
    if account is None:
        raise AccountNotFound
    known = await queries.lock_second_factor(tx, user_id)
    if known is not None and known.confirmed_at is not None:
        raise SecondFactorOn
    if known is not None:
        await queries.delete_second_factor(tx, user_id)
    secret, factor_id = codes.new_secret(), new_id()
    sealed = seal_secret(vault, factor_id, secret)
    if not await queries.insert_second_factor(tx, SecondFactor(factor_id, user_id, sealed, None), now):
        raise SecondFactorOn
    return Enrolment(secret=secret, uri=codes.uri_of(secret, account.email))


async def confirm(tx: Tx, vault: Vault, user_id: UUID, code: str, now: datetime) -> RecoveryCodes:
    """Let the second factor count from now on, and make recovery codes; raise SecondFactorOff, SecondFactorOn or WrongCode."""
    known = await queries.lock_second_factor(tx, user_id)
    if known is None:
        raise SecondFactorOff
    if known.confirmed_at is not None:
        raise SecondFactorOn
    step = codes.step_of(open_secret(vault, known.id, known.secret), code, now)
    if step is None:
        raise WrongCode(errors=(FieldError("/totp", WrongCode.sentence()),))
    await queries.mark_confirmed(tx, known.id, step, now)
    await _tell(tx, user_id, now)
    return await _make_codes(tx, user_id, now)


async def remove(tx: Tx, user_id: UUID, now: datetime) -> None:
    """Go back to the password alone; raise SecondFactorOff."""
    if not await queries.delete_second_factor(tx, user_id):
        raise SecondFactorOff
    await queries.delete_recovery_codes(tx, user_id)
    await _tell(tx, user_id, now)


async def renew_recovery_codes(tx: Tx, user_id: UUID, now: datetime) -> RecoveryCodes:
    """Make ten new codes, which replace those before; raise SecondFactorOff."""
    known = await queries.lock_second_factor(tx, user_id)
    if known is None or known.confirmed_at is None:
        raise SecondFactorOff
    return await _make_codes(tx, user_id, now)


async def _make_codes(tx: Tx, user_id: UUID, now: datetime) -> RecoveryCodes:
    made = codes.new_recovery_codes()
    await queries.delete_recovery_codes(tx, user_id)
    await queries.insert_recovery_codes(tx, user_id, [codes.hash_of(code) for code in made], now)
    return RecoveryCodes(made)


async def _tell(tx: Tx, user_id: UUID, now: datetime) -> None:
    account = await accounts.find_account(tx, user_id)
    if account is not None:
        await queue_account_mail(tx, "second_factor_changed", account, now=now)
