"""Tenancy with its api and worker running."""

import base64

import pytest_asyncio

from carbot_core.crypto import Vault
from carbot_core.web.edge import Edge
from carbot_testing.founding import Founder, Person
from carbot_testing.mailbox import Mailbox
from carbot_testing.running import KEY_ENCRYPTION_KEY


@pytest_asyncio.fixture(scope="session")
async def vault() -> Vault:
    return Vault(base64.b64decode(KEY_ENCRYPTION_KEY))


@pytest_asyncio.fixture(scope="session")
async def founder(edges: dict[str, Edge], workers: None, mailbox: Mailbox) -> Founder:
    return Founder(edges["tenancy"], mailbox)


@pytest_asyncio.fixture(scope="session")
async def owner(founder: Founder) -> Person:
    """The owner of an organisation that the tests of a file share."""
    return await founder.found()
