"""Opening, continuing and ending sessions."""

import secrets
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from joserfc.jwk import OKPKey

from carbot_contracts.scopes import ROLE_SCOPES, SCOPES_WHILE_CLOSING
from carbot_contracts.tenancy import AccessRevoked
from carbot_core import outbox
from carbot_core.auth import tokens
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.db import Database, Tx
from carbot_core.errors import Forbidden, NotFound, Unauthorized
from carbot_core.ids import new_id
from carbot_tenancy.sessions import queries, refresh_tokens
from carbot_tenancy.sessions.models import EndReason, Seat, Session, Tokens
from carbot_tenancy.signing_keys.keyring import KeyRing

SLIDING = timedelta(days=30)
ABSOLUTE = timedelta(days=90)
REPEAT = timedelta(seconds=10)
"""A client whose answer was lost asks again within this time and gets the same successor."""
CLOSED = frozenset({"closing", "erased"})
ACCESS = timedelta(seconds=tokens.LIFETIME_SECONDS)


class RefreshTokenNotValid(Unauthorized):
    """The refresh token is not valid, has expired or was used before: sign in again."""


class OrganizationClosing(Forbidden):
    """The organisation is being closed."""


class Issued(NamedTuple):
    """Whose the next access token is, the refresh token beside it, and when the credentials were shown."""

    seat: Seat
    refresh_token: Credential
    authenticated_at: datetime


class SessionNotFound(NotFound):
    """There is no such session."""


async def open_session(
    tx: Tx, seat: Seat, *, authenticated_at: datetime, user_agent: str, address: str, now: datetime
) -> Issued:
    """Begin a family of refresh tokens."""
    session_id, family_key = new_id(), secrets.token_bytes(32)
    token = refresh_tokens.mint(seat.organization_id, session_id, family_key)
    session = Session(
        id=session_id,
        organization_id=seat.organization_id,
        user_id=seat.user_id,
        family_key=family_key,
        token_hash=token.hash(),
        previous_hash=None,
        successor=None,
        rotated_at=None,
        expires_at=now + SLIDING,
        ends_at=now + ABSOLUTE,
        authenticated_at=authenticated_at,
        revoked_at=None,
    )
    await queries.insert_session(tx, session, user_agent=user_agent, address=address, now=now)
    return Issued(seat, token, authenticated_at)


async def refresh(db: Database, keyring: KeyRing, text: str, context: Context, now: datetime) -> Tokens:
    """Give the next tokens of a session; raise RefreshTokenNotValid or OrganizationClosing.

    A token that was replaced before ends its session, whoever shows it: one of two is not the owner (RFC 9700, 4.14.2).
    """
    presented = Credential.parse(text, refresh_tokens.PREFIX)
    if presented is None:
        raise RefreshTokenNotValid(reason="form")
    key = await keyring.signing_key(now)
    async with db.transaction(msgspec.structs.replace(context, organization_id=presented.organization_id)) as tx:
        issued = await _continue(tx, presented, now)
    if issued is None:
        raise RefreshTokenNotValid(reason="unknown, ended or used before")
    return make_tokens(issued, keyring.issuer, key, now)


async def _continue(tx: Tx, presented: Credential, now: datetime) -> Issued | None:
    session = await queries.lock_session(tx, presented.id)
    if session is None or session.revoked_at is not None or session.expires_at <= now:
        return None
    if not refresh_tokens.is_of_family(presented, session.family_key):
        return None
    seat = await queries.lock_seat(tx, session.user_id)
    if seat is None or not seat.is_active:
        return None
    if is_closed_to(seat):
        raise OrganizationClosing
    if presented.proves(session.token_hash):
        return Issued(seat, await _rotate(tx, session, presented, now), session.authenticated_at)
    if _is_repeated(session, presented, now) and session.successor is not None:
        successor = refresh_tokens.open_successor(presented, session.successor)
        return Issued(seat, successor, session.authenticated_at)
    await end_session(tx, session.id, "reused", now)
    return None


def _is_repeated(session: Session, presented: Credential, now: datetime) -> bool:
    if session.previous_hash is None or session.rotated_at is None:
        return False
    return presented.proves(session.previous_hash) and now - session.rotated_at <= REPEAT


async def _rotate(tx: Tx, session: Session, presented: Credential, now: datetime) -> Credential:
    successor = refresh_tokens.mint(session.organization_id, session.id, session.family_key)
    rotated = msgspec.structs.replace(
        session,
        token_hash=successor.hash(),
        previous_hash=session.token_hash,
        successor=refresh_tokens.seal_successor(presented, successor),
        rotated_at=now,
        expires_at=min(now + SLIDING, session.ends_at),
    )
    await queries.update_token(tx, rotated)
    return successor


def is_closed_to(seat: Seat) -> bool:
    """Tell whether the organisation lets its member in no more: while it closes, owners may still change their minds."""
    return seat.organization_status == "erased" or (seat.organization_status == "closing" and seat.role != "owner")


async def end_session(tx: Tx, session_id: UUID, reason: EndReason, now: datetime) -> None:
    """End a session and its access tokens; does nothing if it has ended."""
    if await queries.mark_revoked(tx, session_id, reason, now):
        # No session begins again, so a token that is being made at this moment may be refused as well.
        await revoke_access(tx, "session", session_id, not_before=now + ACCESS, reason=reason)


async def end_own_session(tx: Tx, user_id: UUID, session_id: UUID, now: datetime) -> None:
    """End one of a user's sessions, in whichever organisation; raise SessionNotFound."""
    living = await queries.list_living_sessions(tx, user_id, session_id=session_id)
    if not living:
        raise SessionNotFound
    async with tx.within(living[0].organization_id):
        await end_session(tx, session_id, "ended", now)


async def end_sessions(tx: Tx, user_id: UUID, reason: EndReason, now: datetime, *, keep: UUID | None) -> None:
    """End all of a user's sessions, in whichever organisations, but one."""
    for session in await queries.list_living_sessions(tx, user_id):
        if session.id != keep:
            async with tx.within(session.organization_id):
                await end_session(tx, session.id, reason, now)


async def sign_out(tx: Tx, session_id: UUID | None, now: datetime) -> None:
    """End the caller's session; an API key has none."""
    if session_id is not None:
        await end_session(tx, session_id, "signed_out", now)


async def revoke_access(
    tx: Tx,
    kind: Literal["session", "member", "api_key", "organization"],
    subject_id: UUID,
    *,
    not_before: datetime,
    reason: str,
) -> None:
    """Let every service refuse access tokens of the subject that were issued before then."""
    revoked = AccessRevoked(kind=kind, subject_id=subject_id, not_before=not_before, reason=reason)
    await outbox.add(tx, revoked, version=int(not_before.timestamp() * 1000))


def make_tokens(issued: Issued, issuer: str, key: OKPKey, now: datetime) -> Tokens:
    """Return the access token with the refresh token."""
    seat, refresh_token, authenticated_at = issued
    return Tokens(
        access_token=make_access_token(seat, refresh_token.id, authenticated_at, issuer, key, now),
        expires_in=tokens.LIFETIME_SECONDS,
        refresh_token=str(refresh_token),
        organization_id=seat.organization_id,
    )


def make_access_token(
    seat: Seat, session_id: UUID, authenticated_at: datetime, issuer: str, key: OKPKey, now: datetime
) -> str:
    """Sign what a session may do; `iat` is cut to milliseconds, never later than the seat was read."""
    issued_at = int(now.timestamp() * 1000) / 1000
    closing = seat.organization_status == "closing"
    claims = tokens.Claims(
        iss=issuer,
        aud=tokens.AUDIENCE,
        sub=seat.user_id,
        org=seat.organization_id,
        role=seat.role,
        workshops=seat.workshop_ids,
        scopes=sorted(SCOPES_WHILE_CLOSING if closing else ROLE_SCOPES[seat.role]),
        sid=session_id,
        jti=new_id(),
        iat=issued_at,
        exp=issued_at + tokens.LIFETIME_SECONDS,
        auth_time=int(authenticated_at.timestamp() * 1000) / 1000,
    )
    return tokens.sign(claims, key)
