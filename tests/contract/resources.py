"""How to make what a route's path names, and whose ids stand in bodies and queries: one line for each, and none is guessed.

A route that names an id which is not listed here fails its test.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import uuid4

import httpx
import msgspec

from carbot_core.credentials import Credential
from carbot_testing.founding import PASSWORD, new_email, new_location, new_workshop


class Side(msgspec.Struct, frozen=True):
    """An organisation that every service knows, with two workshops and its owner."""

    id: str
    workshops: tuple[str, str]
    owner_email: str
    owner: str
    """The owner's user id."""
    clients: dict[str, httpx.AsyncClient]
    """Each service, as the owner."""


class Resource(msgspec.Struct, frozen=True):
    """How the owner makes one at a workshop; `below_workshop` says whether members of other workshops must not see it."""

    make: Callable[[Side, str], Awaitable[str]]
    below_workshop: bool = True


async def _made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> str:
    answer = await client.post(path, json=body)
    made: str = answer.raise_for_status().json()["id"]
    return made


async def _lead(side: Side, workshop: str) -> str:
    return await _made(side.clients["crm"], "/api/crm/v1/leads", new_lead(side, workshop_id=workshop))


async def _workshop(_side: Side, workshop: str) -> str:
    return workshop


async def _member(side: Side, _workshop: str) -> str:
    answer = await side.clients["tenancy"].get("/api/tenancy/v1/members")
    found: str = next(each["id"] for each in answer.json()["items"] if each["user_id"] == side.owner)
    return found


async def _location(side: Side, workshop: str) -> str:
    return await _made(side.clients["tenancy"], f"/api/tenancy/v1/workshops/{workshop}/locations", new_location())


async def _invitation(side: Side, _workshop: str) -> str:
    body = {"email": new_email("invited"), "role": "viewer", "workshop_ids": None}
    return await _made(side.clients["tenancy"], "/api/tenancy/v1/invitations", body)


async def _session(side: Side, _workshop: str) -> str:
    tenancy = side.clients["tenancy"]
    signed_in = await tenancy.post("/api/tenancy/v1/auth/login", json=BODIES["sign_in"](side))
    signed_in.raise_for_status()
    answer = await tenancy.get("/api/tenancy/v1/auth/sessions")
    newest: str = answer.raise_for_status().json()["items"][0]["id"]
    return newest


async def _api_key(side: Side, workshop: str) -> str:
    return await _made(side.clients["tenancy"], "/api/tenancy/v1/api-keys", new_api_key(side, workshop_id=workshop))


async def _chat_session(side: Side, workshop: str) -> str:
    token = (await guest_headers(side, workshop))[b"x-carbot-session"].decode()
    credential = Credential.parse(token, "cs")
    assert credential is not None
    return str(credential.id)


async def _faq(side: Side, workshop: str) -> str:
    return await _made(side.clients["crm"], "/api/crm/v1/faqs", new_faq(side, workshop_id=workshop))


async def _landing_page(side: Side, workshop: str) -> str:
    body = new_landing_page(side, workshop_id=workshop)
    return await _made(side.clients["crm"], "/api/crm/v1/landing-pages", body)


async def _canned_answer(side: Side, workshop: str) -> str:
    body = new_canned_answer(side, workshop_id=workshop)
    return await _made(side.clients["crm"], "/api/crm/v1/canned-answers", body)


RESOURCES: Final[dict[tuple[str, str], Resource]] = {
    ("crm", "lead_id"): Resource(_lead),
    ("crm", "session_id"): Resource(_chat_session),
    ("crm", "faq_id"): Resource(_faq),
    ("crm", "page_id"): Resource(_landing_page),
    ("crm", "answer_id"): Resource(_canned_answer),
    ("tenancy", "workshop_id"): Resource(_workshop),
    ("tenancy", "location_id"): Resource(_location),
    ("tenancy", "member_id"): Resource(_member, below_workshop=False),
    ("tenancy", "invitation_id"): Resource(_invitation, below_workshop=False),
    ("tenancy", "session_id"): Resource(_session, below_workshop=False),
    ("tenancy", "key_id"): Resource(_api_key),
}
"""By service and the name of the parameter in the path."""


def new_lead(side: Side, **changes: Any) -> dict[str, Any]:
    return {
        "workshop_id": side.workshops[0],
        "source": "walk_in",
        "name": "Ayşe Demir",
        "email": new_email("lead"),
        "request": "HU",
        **changes,
    }


NEW_SESSION: Final = {
    "consent": {"data_processing": True, "communication": False, "analytics": False, "text_version": "1"}
}
UNAUTHORIZED: Final = 401


def new_faq(side: Side, **changes: Any) -> dict[str, Any]:
    return {"workshop_id": side.workshops[0], "question": "Leihwagen?", "answer": "Ja.", **changes}


def new_landing_page(side: Side, **changes: Any) -> dict[str, Any]:
    return {
        "workshop_id": side.workshops[0],
        "slug": f"seite-{uuid4().hex}",
        "title": "HU",
        "introduction": "Täglich.",
        **changes,
    }


def new_canned_answer(side: Side, **changes: Any) -> dict[str, Any]:
    return {"workshop_id": side.workshops[0], "title": "Gruß", "text": "Gern.", **changes}


def new_api_key(side: Side, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "publishable",
        "name": "Page",
        "workshop_id": side.workshops[0],
        "allowed_origins": ["https://mueller.example"],
        **changes,
    }


BODIES: Final[dict[str, Callable[[Side], dict[str, Any]]]] = {
    "create_lead": new_lead,
    "assign_lead": lambda side: {"user_id": side.owner},
    "assign_inbox_session": lambda side: {"user_id": side.owner},
    "create_faq": new_faq,
    "create_landing_page": new_landing_page,
    "create_canned_answer": new_canned_answer,
    "open_chat_session": lambda _side: NEW_SESSION,
    "edit_organization": lambda _side: {"legal_name": "Autohaus Müller GmbH"},
    "create_workshop": lambda _side: new_workshop(),
    "edit_workshop": lambda _side: {"name": "Werkstatt Süd"},
    "create_location": lambda _side: new_location(),
    "edit_location": lambda _side: {"name": "Halle 2"},
    "edit_member": lambda side: {"role": "viewer", "workshop_ids": [side.workshops[0]]},
    "create_invitation": lambda side: {
        "email": new_email("invited"),
        "role": "viewer",
        "workshop_ids": [side.workshops[0]],
    },
    "create_api_key": new_api_key,
    "rotate_api_key": lambda _side: {"overlap_hours": 1},
    "switch_organization": lambda side: {"organization_id": side.id},
    "sign_in": lambda side: {"email": side.owner_email, "password": PASSWORD, "organization_id": side.id},
}
"""Bodies where the document's example would not do."""

IDS: Final[dict[tuple[str, str], Callable[[Side], str]]] = {
    ("crm", "workshop_id"): lambda side: side.workshops[0],
    ("crm", "assigned_to"): lambda side: side.owner,
    ("crm", "user_id"): lambda side: side.owner,
    ("tenancy", "workshop_id"): lambda side: side.workshops[0],
    ("tenancy", "workshop_ids"): lambda side: side.workshops[0],
    ("tenancy", "organization_id"): lambda side: side.id,
    ("compliance", "row_id"): lambda side: side.workshops[0],
    ("compliance", "actor_id"): lambda side: side.owner,
}
"""Ids in bodies and queries, by service and name: what a side's own one is."""

WORKSHOP_IDS: Final = frozenset({"workshop_id", "workshop_ids"})
"""Those that name a workshop: one of the caller's organisation, but not the caller's, must look like none as well."""


OF_THE_WHOLE_ORGANIZATION: Final = {
    "list_audit_logs": "the trail is the organisation's",
}
"""Lists whose rows stand below no workshop although they may name one."""


COME_ALONG: Final = {
    "edit_organization": frozenset({"missing"}),
}
"""What an edit of any member may change besides, because it is derived, by operation."""


OF_ONE_PERSON: Final = {
    "read_account": "the caller's own account, in whichever organisation",
}
"""Reads whose answer is the caller's own, and 404 for made-up people."""

COME_WITH_THE_ORGANIZATION: Final = (("billing", "/api/billing/v1/subscription"),)
"""What a service makes of a new organisation by itself."""


def never() -> str:
    """Return an id that never was."""
    return str(uuid4())


async def _publishable_key(side: Side, workshop: str) -> str:
    body = new_api_key(side, workshop_id=workshop)
    answer = await side.clients["tenancy"].post("/api/tenancy/v1/api-keys", json=body)
    key: str = answer.raise_for_status().json()["key"]
    return key


async def guest_headers(side: Side, workshop: str | None = None) -> dict[bytes, bytes]:
    """Return what a guest of the side's first workshop, or of another, shows in a conversation."""
    key = await _publishable_key(side, workshop or side.workshops[0])
    headers = {"x-carbot-key": key, "origin": new_api_key(side)["allowed_origins"][0]}
    async with asyncio.timeout(60):
        while True:
            answer = await side.clients["crm"].post(
                "/api/crm/v1/public/chat/sessions", json=NEW_SESSION, headers=headers
            )
            # Until crm has heard of the key.
            if answer.status_code != UNAUTHORIZED:
                break
            await asyncio.sleep(0.02)
    headers["x-carbot-session"] = answer.raise_for_status().json()["token"]
    return {name.encode(): value.encode() for name, value in headers.items()}
