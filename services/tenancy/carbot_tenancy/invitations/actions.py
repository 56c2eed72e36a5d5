"""Inviting people, and joining."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from carbot_core.auth.principal import Principal
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.crypto import Vault
from carbot_core.db import Database, TransactionConflict, Tx
from carbot_core.errors import Conflict, FieldError, Invalid, NotFound, OrganizationSuspended, PreconditionFailed
from carbot_tenancy.auth.credentials import Shown, check_credentials
from carbot_tenancy.fields import require_email
from carbot_tenancy.invitations import queries
from carbot_tenancy.invitations.models import Acceptance, Invitation, Joined, NewInvitation, Pending
from carbot_tenancy.links import INVITATION, TokenNotValid
from carbot_tenancy.mails.actions import queue_mail
from carbot_tenancy.mails.models import Contents, Mail
from carbot_tenancy.members.actions import AlreadyAMember, add_member
from carbot_tenancy.members.grants import refuse_grant, refuse_wider_role
from carbot_tenancy.members.queries import find_membership_of_email
from carbot_tenancy.organizations.queries import lock_choices
from carbot_tenancy.passwords import Passwords, refuse_weak
from carbot_tenancy.sessions.actions import CLOSED
from carbot_tenancy.users import queries as users
from carbot_tenancy.users.models import NewUser

LIFETIME = timedelta(hours=72)


class InvitationNotFound(NotFound):
    """There is no such invitation."""


class InvitationAccepted(Conflict):
    """The invitation was accepted: change the member instead."""


class InvitationRevoked(Conflict):
    """The invitation was revoked: invite again."""


class NameRequired(Invalid):
    """Say your name: there is no account with your e-mail address yet."""


async def invite(tx: Tx, caller: Principal, new: NewInvitation, now: datetime) -> Invitation:
    """Store an invitation and write to the address; one that the address had before is revoked, and its link with it.

    Raises InvalidEmail, GrantTooWide, OwnerSeesAll, WorkshopNotFound, AlreadyAMember.
    """
    new = msgspec.structs.replace(new, email=require_email(new.email, "/email"))
    await refuse_grant(tx, caller, new.role, new.workshop_ids)
    await lock_choices(tx)
    await _supersede(tx, caller, new.email, now)
    invitation = await queries.insert_invitation(tx, new, invited_by=caller.id, expires_at=now + LIFETIME, now=now)
    await _write(tx, invitation, now)
    return invitation


async def resend(tx: Tx, caller: Principal, invitation_id: UUID, revision: int | None, now: datetime) -> Invitation:
    """Write to the address again, with a new link for 72 hours; the old one is dead. An expired one begins again.

    Raises InvitationNotFound, PreconditionFailed, InvitationAccepted, InvitationRevoked, GrantTooWide, WorkshopNotFound or
    AlreadyAMember.
    """
    await lock_choices(tx)
    invitation = await _lock(tx, caller, invitation_id, revision, now)
    if invitation.state == "revoked":
        raise InvitationRevoked(invitation=invitation_id)
    await _supersede(tx, caller, invitation.email, now, keep=invitation_id)
    invitation = await queries.mark_sent_again(tx, invitation_id, expires_at=now + LIFETIME, now=now)
    await _write(tx, invitation, now)
    return invitation


async def revoke(tx: Tx, caller: Principal, invitation_id: UUID, revision: int | None, now: datetime) -> Invitation:
    """Take an invitation back; one that was taken back is as it is.

    Raises InvitationNotFound, PreconditionFailed, InvitationAccepted, GrantTooWide or WorkshopNotFound.
    """
    invitation = await _lock(tx, caller, invitation_id, revision, now)
    return invitation if invitation.state == "revoked" else await queries.mark_revoked(tx, invitation_id, now)


async def _lock(tx: Tx, caller: Principal, invitation_id: UUID, revision: int | None, now: datetime) -> Invitation:
    invitation = await queries.lock_invitation(tx, invitation_id, now)
    if invitation is None:
        raise InvitationNotFound(invitation=invitation_id)
    if revision is not None and revision != invitation.revision:
        raise PreconditionFailed(invitation=invitation_id)
    await refuse_grant(tx, caller, invitation.role, invitation.workshop_ids)
    if invitation.state == "accepted":
        raise InvitationAccepted(invitation=invitation_id)
    return invitation


async def _supersede(tx: Tx, caller: Principal, email: str, now: datetime, *, keep: UUID | None = None) -> None:
    """Revoke what else was sent to the address; choices are locked. Raises AlreadyAMember or GrantTooWide.

    Whether the address has an account is asked for members of this organisation alone: a stranger's takes the same way as none.
    """
    if await find_membership_of_email(tx, email) is not None:
        raise AlreadyAMember
    for earlier in await queries.lock_open_of_email(tx, email, now):
        if earlier.id != keep:
            refuse_wider_role(caller, earlier.role)
            await queries.mark_revoked(tx, earlier.id, now)


async def _write(tx: Tx, invitation: Invitation, now: datetime) -> None:
    locale = (await queries.find_language(tx)).locale
    await queue_mail(tx, "invitation", invitation.email, locale=locale, about=invitation.id, now=now)


async def write_mail(tx: Tx, mail: Mail, now: datetime) -> Contents | None:
    """Return the mail with the link, whose token is made here; None if the invitation is used or over."""
    pending = await queries.find_pending(tx, mail.about)
    if pending is None or not _is_open(pending, now):
        return None
    token = Credential.mint(INVITATION, tx.organization_id, pending.id)
    await queries.update_token_hash(tx, pending.id, token.hash())
    words = {"organization": pending.organization_name, "expires_at": f"{pending.expires_at:%d.%m.%Y %H:%M} UTC"}
    return Contents(letter="invitation", words=words, path=f"/accept-invitation?token={token}")


async def accept(
    db: Database,
    passwords: Passwords,
    vault: Vault,
    acceptance: Acceptance,
    context: Context,
    *,
    address: str,
    now: datetime,
) -> Joined:
    """Make whoever has the token a member, with a new account or the one that the address has.

    Raises TokenNotValid, OrganizationSuspended, NameRequired, WeakPassword, AlreadyAMember, PasswordsBusy, and for an account
    WrongCredentials, SecondFactorRequired, TooManyFailures.
    """
    token = Credential.parse(acceptance.token, INVITATION)
    if token is None:
        raise TokenNotValid(reason="form")
    context = msgspec.structs.replace(context, organization_id=token.organization_id)
    async with db.transaction(context, read_only=True) as tx:
        pending = await queries.find_pending(tx, token.id)
        if pending is None or not _is_open(pending, now) or not token.proves(pending.token_hash or ""):
            raise TokenNotValid(reason="unknown, used, revoked or expired")
        if pending.organization_status == "suspended":
            raise OrganizationSuspended
        known = await users.find_user(tx, pending.email)
    if known is not None:
        shown = Shown(
            email=pending.email,
            password=acceptance.password,
            totp=acceptance.totp,
            recovery_code=acceptance.recovery_code,
        )
        user_id = await check_credentials(db, passwords, vault, shown, context, address=address, now=now)
        return await _join(db, context, pending, user_id, token, now=now)
    if acceptance.name is None:
        raise NameRequired(errors=(FieldError("/name", NameRequired.sentence()),))
    name = acceptance.name.strip()
    refuse_weak(acceptance.password, email=pending.email, name=name, pointer="/password")
    user = NewUser(
        email=pending.email,
        name=name,
        password_hash=await passwords.hash(acceptance.password),
        locale=pending.organization_locale,
    )
    return await _join(db, context, pending, user, token, now=now)


async def _join(
    db: Database, context: Context, pending: Pending, user: UUID | NewUser, token: Credential, *, now: datetime
) -> Joined:
    async with db.transaction(context) as tx:
        if not await queries.mark_accepted(tx, pending.id, token.hash(), now):
            raise TokenNotValid(reason="used at this moment")
        user_id = user if isinstance(user, UUID) else await users.insert_user(tx, user, now)
        if user_id is None:
            # The address came to an account since we looked: begin again, now with its password.
            raise TransactionConflict
        await add_member(tx, user_id, pending.role, pending.workshop_ids, now)
    return Joined(organization_id=token.organization_id, user_id=user_id)


def _is_open(pending: Pending, now: datetime) -> bool:
    ended = pending.accepted_at is not None or pending.revoked_at is not None or pending.expires_at <= now
    return not ended and pending.organization_status not in CLOSED
