"""Registering an organisation, and proving the owner's e-mail address: before that, nothing of it exists."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from carbot_core import timers
from carbot_core.context import Context
from carbot_core.credentials import Credential
from carbot_core.db import Database, Tx
from carbot_core.ids import new_id
from carbot_tenancy.fields import require_email
from carbot_tenancy.links import VERIFICATION, TokenNotValid
from carbot_tenancy.mails.actions import queue_mail
from carbot_tenancy.mails.models import Contents, Mail
from carbot_tenancy.members import actions as members
from carbot_tenancy.organizations import actions as organizations
from carbot_tenancy.organizations.models import NewOrganization
from carbot_tenancy.passwords import Passwords, refuse_weak
from carbot_tenancy.registrations import queries
from carbot_tenancy.registrations.models import NewRegistration, Registration
from carbot_tenancy.users import queries as users
from carbot_tenancy.users.models import NewUser

LIFETIME = timedelta(hours=72)
EXPIRY_TIMER = "registration_expiry"


async def register(
    db: Database, passwords: Passwords, new: NewRegistration, context: Context, *, now: datetime
) -> None:
    """Keep what was asked, and write to the address; raise InvalidEmail, WeakPassword or PasswordsBusy.

    Whether the address is known is looked up only when the mail is written: here nothing depends on it.
    """
    owner = new.owner
    email = require_email(owner.email, "/owner/email")
    refuse_weak(owner.password, email=email, name=owner.name, pointer="/owner/password")
    registration = Registration(
        id=new_id(),
        organization_id=new_id(),
        legal_name=new.organization.legal_name.strip(),
        legal_form=new.organization.legal_form,
        country=new.organization.country,
        email=email,
        name=owner.name.strip(),
        locale=owner.locale,
        password_hash=await passwords.hash(owner.password),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    async with db.transaction(msgspec.structs.replace(context, organization_id=registration.organization_id)) as tx:
        await queries.insert_registration(tx, registration)
        await queue_mail(tx, "registration", email, locale=registration.locale, about=registration.id, now=now)
        await timers.start(tx, EXPIRY_TIMER, registration.id, registration.expires_at)


async def write_mail(tx: Tx, mail: Mail, now: datetime) -> Contents | None:
    """Return the mail to whoever registered: a link, or that the address has an account; None if there is nothing to say."""
    registration = await queries.find_registration(tx, mail.about)
    if registration is None or registration.expires_at <= now:
        return None
    if await users.find_known(tx, registration.email):
        return Contents(letter="address_known", words={}, path="/sign-in")
    token = Credential.mint(VERIFICATION, registration.organization_id, new_id())
    await queries.insert_token(tx, token, registration, now)
    words = {"name": registration.name, "organization": registration.legal_name}
    return Contents(letter="verify_email", words=words, path=f"/verify-email?token={token}")


async def verify_email(db: Database, text: str, context: Context, *, now: datetime) -> None:
    """Make user, organisation and membership of a registration; raise TokenNotValid.

    An address that came to an account meanwhile, by an invitation, keeps that account and its password.
    """
    token = Credential.parse(text, VERIFICATION)
    if token is None:
        raise TokenNotValid(reason="form")
    async with db.transaction(msgspec.structs.replace(context, organization_id=token.organization_id)) as tx:
        registration = await _take_registration(tx, token, now)
        user_id = await _owner_of(tx, registration, now)
        new = NewOrganization(
            legal_name=registration.legal_name,
            legal_form=registration.legal_form,
            country=registration.country,
            locale=registration.locale,
        )
        await organizations.found_organization(tx, new, now)
        await members.add_member(tx, user_id, "owner", None, now)
        await queries.delete_registrations_of_email(tx, registration.email)


async def _take_registration(tx: Tx, token: Credential, now: datetime) -> Registration:
    stored = await queries.find_token(tx, token.id)
    if stored is None or stored.expires_at <= now or not token.proves(stored.token_hash):
        raise TokenNotValid(reason="unknown, used or expired")
    registration = await queries.delete_registration(tx, stored.registration_id)
    if registration is None:
        raise TokenNotValid(reason="used at this moment")
    return registration


async def _owner_of(tx: Tx, registration: Registration, now: datetime) -> UUID:
    new = NewUser(
        email=registration.email,
        name=registration.name,
        password_hash=registration.password_hash,
        locale=registration.locale,
    )
    inserted = await users.insert_user(tx, new, now)
    if inserted is not None:
        return inserted
    known = await users.find_user(tx, registration.email)
    if known is None or known.status != "active":
        raise TokenNotValid(reason="the account is locked")
    return known.id
