"""How to make what a route's path names, and whose ids stand in bodies and queries: one line for each, and none is guessed.

A route that names an id which is not listed here fails its test.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
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


async def _follow_up(side: Side, workshop: str) -> str:
    path = f"/api/crm/v1/leads/{await _lead(side, workshop)}/follow-ups"
    return await _made(side.clients["crm"], path, new_follow_up(side))


async def _assignment_rule(side: Side, workshop: str) -> str:
    """Make the rule of all workshops and that of this one, unless they are there, and find the second."""
    crm, path = side.clients["crm"], "/api/crm/v1/assignment-rules"
    for each in (None, workshop):
        answer = await crm.post(path, json={"workshop_id": each, "member_ids": []})
        if answer.status_code != CONFLICT:
            answer.raise_for_status()
    known = (await crm.get(path)).raise_for_status().json()["items"]
    found: str = next(each["id"] for each in known if each["workshop_id"] == workshop)
    return found


async def _customer(side: Side, workshop: str) -> str:
    return await _made(side.clients["crm"], "/api/crm/v1/customers", new_customer(side, workshop_id=workshop))


async def _vehicle(side: Side, workshop: str) -> str:
    owner = {"customer_id": await _customer(side, workshop), "owned_since": "2024-01-01"}
    body = {"workshop_id": workshop, "last_hu_on": "2025-05-05", **owner}
    return await _made(side.clients["crm"], "/api/crm/v1/vehicles", body)


async def _due_rule(side: Side, _workshop: str) -> str:
    return await _made(side.clients["crm"], "/api/crm/v1/due-rules", new_due_rule(side))


async def _merge(side: Side, workshop: str) -> str:
    survivor, other = await _customer(side, workshop), await _customer(side, workshop)
    return await _made(side.clients["crm"], f"/api/crm/v1/customers/{survivor}/merge", {"merged_id": other})


async def _scoring_model(side: Side, _workshop: str) -> str:
    return await _made(side.clients["crm"], "/api/crm/v1/lead-scoring/models", new_scoring_model(side))


async def _rescoring(side: Side, _workshop: str) -> str:
    return await _one_at_a_time(side, "/api/crm/v1/lead-scoring/runs")


async def _training(side: Side, _workshop: str) -> str:
    return await _one_at_a_time(side, "/api/crm/v1/lead-scoring/trainings", {"name": "Gelernt"})


async def _one_at_a_time(side: Side, path: str, body: dict[str, Any] | None = None) -> str:
    """Begin one, or wait until the one that runs has ended."""
    async with asyncio.timeout(30):
        while True:
            answer = await side.clients["crm"].post(path, json=body)
            if answer.status_code != 409:
                made: str = answer.raise_for_status().json()["id"]
                return made
            await asyncio.sleep(0.2)


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


async def _communication(side: Side, workshop: str) -> str:
    customer = await _customer(side, workshop)
    path = f"/api/crm/v1/customers/{customer}/communications"
    return await _made(side.clients["crm"], path, new_message(side))


async def _template(side: Side, _workshop: str) -> str:
    return await _made(side.clients["crm"], "/api/crm/v1/templates", {"name": "HU", "purpose": "hu_reminder"})


async def _version(side: Side, workshop: str) -> str:
    path = f"/api/crm/v1/templates/{await _template(side, workshop)}/versions"
    made = await _made(side.clients["crm"], path, {"language": "de", "subject": "HU", "body": "Guten Tag $name"})
    answer = await side.clients["crm"].post(f"/api/crm/v1/template-versions/{made}/publish")
    answer.raise_for_status()
    return made


async def _webhook(side: Side, workshop: str) -> str:
    return await _made(side.clients["crm"], "/api/crm/v1/webhooks", new_webhook(side, workshop_id=workshop))


async def _delivery(side: Side, workshop: str) -> str:
    return await _made(side.clients["crm"], f"/api/crm/v1/webhooks/{await _webhook(side, workshop)}/test", {})


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


async def _import(side: Side, workshop: str) -> str:
    query = {"kind": "customers", "file_name": "kunden.csv", "workshop_id": workshop}
    content = f"Name;E-Mail\nDemir;{new_email('imported')}\n".encode()
    path, headers = "/api/crm/v1/imports", {"content-type": "text/csv"}
    answer = await side.clients["crm"].post(path, params=query, content=content, headers=headers)
    made: str = answer.raise_for_status().json()["id"]
    return made


RESOURCES: Final[dict[tuple[str, str], Resource]] = {
    ("crm", "lead_id"): Resource(_lead),
    ("crm", "follow_up_id"): Resource(_follow_up),
    ("crm", "assignment_rule_id"): Resource(_assignment_rule),
    ("crm", "customer_id"): Resource(_customer),
    ("crm", "vehicle_id"): Resource(_vehicle),
    ("crm", "rule_id"): Resource(_due_rule, below_workshop=False),
    ("crm", "merge_id"): Resource(_merge),
    ("crm", "model_id"): Resource(_scoring_model, below_workshop=False),
    ("crm", "run_id"): Resource(_rescoring, below_workshop=False),
    ("crm", "training_id"): Resource(_training, below_workshop=False),
    ("crm", "communication_id"): Resource(_communication),
    ("crm", "template_id"): Resource(_template, below_workshop=False),
    ("crm", "version_id"): Resource(_version, below_workshop=False),
    ("crm", "webhook_id"): Resource(_webhook),
    ("crm", "delivery_id"): Resource(_delivery),
    ("crm", "session_id"): Resource(_chat_session),
    ("crm", "faq_id"): Resource(_faq),
    ("crm", "page_id"): Resource(_landing_page),
    ("crm", "answer_id"): Resource(_canned_answer),
    ("crm", "import_id"): Resource(_import),
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


def new_follow_up(_side: Side) -> dict[str, Any]:
    return {"title": "Angebot nachfassen", "due_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()}


def new_customer(side: Side, **changes: Any) -> dict[str, Any]:
    return {"workshop_id": side.workshops[0], "last_name": "Demir", "email": new_email("customer"), **changes}


def new_due_rule(_side: Side) -> dict[str, Any]:
    return {"kind": "own", "name": "Klimaanlage", "next_months": 24}


def new_scoring_model(_side: Side) -> dict[str, Any]:
    return {"name": "Sommer", "rules": {"points": {"urgent_words": 20}}}


def new_message(_side: Side) -> dict[str, Any]:
    send_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {"purpose": "answer", "subject": "Ihre Frage", "body": "Guten Tag", "send_at": send_at}


def new_webhook(side: Side, **changes: Any) -> dict[str, Any]:
    """A webhook to where nobody listens."""
    return {
        "url": "http://127.0.0.1:1/hook",
        "events": ["lead.created"],
        "workshop_id": side.workshops[0],
        **changes,
    }


NEW_SESSION: Final = {
    "consent": {"data_processing": True, "communication": False, "analytics": False, "text_version": "1"}
}
UNAUTHORIZED: Final = 401
CONFLICT: Final = 409


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
    "create_follow_up": new_follow_up,
    "edit_follow_up": lambda _side: {"note": "ruft zurück"},
    "create_assignment_rule": lambda side: {"workshop_id": side.workshops[0], "member_ids": [side.owner]},
    "edit_assignment_rule": lambda side: {"member_ids": [side.owner]},
    "create_customer": new_customer,
    "create_vehicle": lambda side: {"workshop_id": side.workshops[0], "plate": "B-AY 1234"},
    "edit_vehicle": lambda _side: {"make": "VW"},
    "transfer_vehicle": lambda _side: {"customer_id": None, "on": "2025-05-05"},
    "note_reading": lambda _side: {"kilometres": 12_000, "read_on": "2025-05-05"},
    "record_work": lambda _side: {"kind": "repair", "done_on": "2025-05-05"},
    "create_rule": new_due_rule,
    "edit_rule": lambda _side: {"name": "Klima"},
    "create_model": new_scoring_model,
    "start_training": lambda _side: {"name": "Gelernt"},
    "convert_lead": lambda _side: {},
    "create_message": new_message,
    "create_consent": lambda _side: {
        "channel": "email",
        "purpose": "hu_reminder",
        "state": "granted",
        "source": "written",
        "text_version": "2026-01",
    },
    "create_template": lambda _side: {"name": "HU", "purpose": "hu_reminder", "channel": "email"},
    "create_template_version": lambda _side: {"language": "de", "subject": "HU", "body": "Guten Tag $name"},
    "create_webhook": new_webhook,
    "edit_webhook": lambda _side: {"events": ["lead.deleted"]},
    "assign_lead": lambda side: {"user_id": side.owner},
    "assign_inbox_session": lambda side: {"user_id": side.owner},
    "create_faq": new_faq,
    "create_landing_page": new_landing_page,
    "create_canned_answer": new_canned_answer,
    "edit_mapping": lambda _side: {"mapping": {}},
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
    ("crm", "member_ids"): lambda side: side.owner,
    ("tenancy", "workshop_id"): lambda side: side.workshops[0],
    ("tenancy", "workshop_ids"): lambda side: side.workshops[0],
    ("tenancy", "organization_id"): lambda side: side.id,
    ("compliance", "row_id"): lambda side: side.workshops[0],
    ("compliance", "actor_id"): lambda side: side.owner,
}
"""Ids in bodies and queries, by service and name: what a side's own one is."""

MADE: Final[dict[tuple[str, str], Callable[[Side, str], Awaitable[str]]]] = {
    ("crm", "customer_id"): _customer,
    ("crm", "vehicle_id"): _vehicle,
    ("crm", "merged_id"): _customer,
    ("crm", "first_id"): _customer,
    ("crm", "second_id"): _customer,
    ("crm", "rule_id"): _due_rule,
}
"""Ids in bodies and queries of what is made first."""


async def id_of(side: Side, service: str, name: str) -> str:
    """Return a side's own id for a member of a body or query."""
    if (service, name) in IDS:
        return IDS[service, name](side)
    return await MADE[service, name](side, side.workshops[0])


QUERIES: Final[dict[str, Callable[[Side], dict[str, Any]]]] = {
    "list_nearby_workshops": lambda _side: {"latitude": 52.53, "longitude": 13.4, "radius_km": 50},
    "list_vehicles_due": lambda _side: {"from": "2026-01-01", "to": "2030-12-31", "kind": "au"},
    "list_hot_leads": lambda side: {"workshop_id": side.workshops[0]},
    "create_import": lambda _side: {"kind": "customers", "file_name": "kunden.csv"},
    "read_lead_dashboard": lambda side: {"workshop_id": side.workshops[0]},
    "search": lambda _side: {"q": "Demir"},
}
"""Queries that a read cannot do without, by operation."""

WORKSHOP_IDS: Final = frozenset({"workshop_id", "workshop_ids"})
"""Those that name a workshop: one of the caller's organisation, but not the caller's, must look like none as well."""


OF_THE_WHOLE_ORGANIZATION: Final = {
    "list_audit_logs": "the trail is the organisation's",
}
"""Lists whose rows stand below no workshop although they may name one."""


COME_ALONG: Final = {
    "edit_lead": frozenset({"lead_score", "classification", "urgency_class"}),
    "edit_vehicle": frozenset({"tuv_expiry", "plaque"}),
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
