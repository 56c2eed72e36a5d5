"""Registration over HTTP."""

from litestar import Router, post
from litestar.params import JSONBody

from carbot_core import web
from carbot_tenancy.dependencies import PROVIDERS, Passwords
from carbot_tenancy.fields import InvalidEmail
from carbot_tenancy.links import TokenNotValid
from carbot_tenancy.passwords import PasswordsBusy, WeakPassword
from carbot_tenancy.registrations import actions
from carbot_tenancy.registrations.models import NewRegistration, RegistrationTaken, Verification


@post("/organizations", status_code=202, responses=web.problems(InvalidEmail, WeakPassword, PasswordsBusy))
async def register_organization(
    data: JSONBody[NewRegistration], db: web.Db, passwords: Passwords, origin: web.Origin, now: web.Now
) -> RegistrationTaken:
    """Register an organisation and its owner. A mail with a link goes to the address; until then nothing exists."""
    await actions.register(db, passwords, data, origin.context(), now=now)
    return RegistrationTaken()


@post("/auth/verify-email", status_code=204, responses=web.problems(TokenNotValid))
async def verify_email(data: JSONBody[Verification], db: web.Db, origin: web.Origin, now: web.Now) -> None:
    """Prove the address by the link's token. The organisation exists, and its trial begins."""
    await actions.verify_email(db, data.token, origin.context(), now=now)


REGISTRATIONS = Router("/api/tenancy/v1", route_handlers=[register_organization, verify_email], dependencies=PROVIDERS)
