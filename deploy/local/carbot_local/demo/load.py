"""Loads the demo data and writes down how to use it."""

from collections.abc import Callable

import httpx
import msgspec

from carbot_local.database import LOGINS
from carbot_local.demo.client import Gateway, Mailbox
from carbot_local.demo.description import Demo
from carbot_local.demo.people import inquiries
from carbot_local.demo.places import ORGANIZATIONS
from carbot_local.demo.scene import Scene
from carbot_local.errors import StackError
from carbot_local.layout import SERVICES
from carbot_local.stack import Stack
from carbot_local.users import write_secret


def load(stack: Stack, tell: Callable[[str], object] = str) -> Demo:
    """Make the demo data and write demo.json; raise StackError when the stack refuses something."""
    letters = inquiries(sum(workshop.leads for place in ORGANIZATIONS for workshop in place.workshops))
    with httpx.Client(base_url=stack.url(stack.ports.gateway), timeout=15, trust_env=False) as client:
        scene = Scene(Gateway(client), Mailbox(stack.home.mail), letters, tell)
        try:
            organizations = [scene.play(place) for place in ORGANIZATIONS]
        except StackError as error:
            raise StackError(f"the stack is up, but its demo data is not whole (make reset): {error}") from error
    demo = Demo(
        gateway=stack.url(stack.ports.gateway),
        organizations=organizations,
        mail=str(stack.home.mail),
        databases={
            "postgres": stack.dsn_superuser(),
            **{
                role: stack.dsn_direct(role) if role.endswith("_migrate") else stack.dsn_pooled(role) for role in LOGINS
            },
        },
        services={
            service: {
                "api": stack.url(stack.ports.services[service].api),
                "worker": stack.url(stack.ports.services[service].worker),
            }
            for service in SERVICES
        },
    )
    write_secret(stack.home.demo, msgspec.json.format(msgspec.json.encode(demo)).decode() + "\n")
    return demo
