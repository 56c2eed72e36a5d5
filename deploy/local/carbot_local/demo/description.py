"""demo.json: all that a person, a test or a load generator needs to use the demo."""

import msgspec


class User(msgspec.Struct, frozen=True):
    """Someone who can sign in."""

    email: str
    password: str
    role: str


class DemoWorkshop(msgspec.Struct, frozen=True):
    """A workshop, and the key by which its website sends leads."""

    id: str
    name: str
    publishable_key: str
    origin: str


class DemoOrganization(msgspec.Struct, frozen=True):
    """An organisation with its people and workshops."""

    slug: str
    id: str
    users: list[User]
    workshops: list[DemoWorkshop]


class Demo(msgspec.Struct, frozen=True):
    """What demo.json holds: all that a person or a load generator needs to start."""

    gateway: str
    organizations: list[DemoOrganization]
    mail: str
    databases: dict[str, str]
    services: dict[str, dict[str, str]]
