"""What happens in each of the demo's organisations, from the registration to the leads that were lost."""

import base64
from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from carbot_local.demo.client import Gateway, Mailbox
from carbot_local.demo.description import DemoOrganization, DemoWorkshop, User
from carbot_local.demo.people import Inquiry
from carbot_local.demo.places import PASSWORD, Organization, Person, Workshop

TENANCY = "/api/tenancy/v1"
CRM = "/api/crm/v1"

OPENING_HOURS = [
    *(
        {"weekday": weekday, "opens": opens, "closes": closes}
        for weekday in range(1, 6)
        for opens, closes in (("07:30", "12:00"), ("12:30", "17:00"))
    ),
    {"weekday": 6, "opens": "09:00", "closes": "13:00"},
]

# What becomes of one lead after another, over and over; the empty one stays as it came.
FATES: tuple[tuple[str, ...], ...] = (
    (),
    ("assign", "contact"),
    ("assign", "contact", "qualify"),
    ("contact", "lose"),
    (),
    ("assign",),
    ("assign", "contact", "qualify"),
    ("lose",),
)


class Scene:
    """Plays the organisations' parts, one after the other."""

    def __init__(
        self, anybody: Gateway, mailbox: Mailbox, letters: Iterator[Inquiry], tell: Callable[[str], object]
    ) -> None:
        self._anybody = anybody
        self._mailbox = mailbox
        self._letters = letters
        self._tell = tell

    def play(self, organization: Organization) -> DemoOrganization:
        """Register, set up, receive leads and work on some of them."""
        self._tell(f"Making demo data: {organization.legal_name}")
        owner = self._register(organization)
        slug = owner.get(f"{TENANCY}/organizations/current")["slug"]
        workshops = [self._open_workshop(owner, workshop) for workshop in organization.workshops]
        for person in organization.people[1:]:
            self._invite(owner, person, workshops)
        for place, (workshop, opened) in enumerate(zip(organization.workshops, workshops, strict=True)):
            visitor = self._anybody.with_key(opened.publishable_key, opened.origin)
            lead_ids = [self._send(visitor, opened, letter) for letter in islice(self._letters, workshop.leads)]
            self._work(owner, lead_ids, self._user_id(_responsible(organization, place)))
        return DemoOrganization(
            slug=slug,
            id=_claims(self._token(organization.people[0]))["org"],
            users=[User(person.email, PASSWORD, person.role) for person in organization.people],
            workshops=workshops,
        )

    def _register(self, organization: Organization) -> Gateway:
        owner = organization.people[0]
        company = {"legal_name": organization.legal_name, "legal_form": organization.legal_form, "country": "DE"}
        person = {"email": owner.email, "password": PASSWORD, "name": owner.name}
        self._anybody.post(f"{TENANCY}/organizations", {"organization": company, "owner": person})
        self._anybody.post(f"{TENANCY}/auth/verify-email", {"token": self._mailbox.token_for(owner.email)})
        return self._anybody.signed_in(self._token(owner))

    def _token(self, person: Person) -> str:
        answer = self._anybody.post(f"{TENANCY}/auth/login", {"email": person.email, "password": PASSWORD})
        return answer["access_token"]

    def _user_id(self, person: Person) -> str:
        return _claims(self._token(person))["sub"]

    def _open_workshop(self, owner: Gateway, workshop: Workshop) -> DemoWorkshop:
        fields = ("name", "slug", "business_type", "address", "postal_code", "city", "latitude", "longitude", "phone")
        body = {name: getattr(workshop, name) for name in fields}
        created = owner.post(f"{TENANCY}/workshops", {**body, "country": "DEU"})
        place = {name: body[name] for name in ("address", "postal_code", "city", "latitude", "longitude", "phone")}
        site = {**place, "name": workshop.name, "opening_hours": OPENING_HOURS}
        owner.post(f"{TENANCY}/workshops/{created['id']}/locations", site)
        key = owner.post(
            f"{TENANCY}/api-keys",
            {
                "kind": "publishable",
                "name": f"Website {workshop.name}",
                "workshop_id": created["id"],
                "allowed_origins": [workshop.origin],
            },
        )
        return DemoWorkshop(created["id"], workshop.name, key["key"], workshop.origin)

    def _invite(self, owner: Gateway, person: Person, workshops: list[DemoWorkshop]) -> None:
        where = {"workshop_ids": [workshops[place].id for place in person.workshops]} if person.workshops else {}
        owner.post(f"{TENANCY}/invitations", {"email": person.email, "role": person.role, **where})
        token = self._mailbox.token_for(person.email)
        accepted = {"token": token, "name": person.name, "password": PASSWORD}
        self._anybody.post(f"{TENANCY}/invitations/accept", accepted)

    def _send(self, visitor: Gateway, workshop: DemoWorkshop, letter: Inquiry) -> str:
        lead = {
            "name": letter.name,
            "phone": letter.phone,
            "request": letter.request,
            "vehicle": letter.vehicle,
            "language": letter.language,
            "source_url": f"{workshop.origin}/kontakt",
            "consent": {"data_processing": True, "communication": letter.communication, "text_version": "1"},
        }
        email = {"email": letter.email} if letter.email else {}
        return visitor.post(f"{CRM}/public/leads", {**lead, **email})["id"]

    def _work(self, owner: Gateway, lead_ids: list[str], user_id: str) -> None:
        bodies: dict[str, dict[str, str]] = {
            "assign": {"user_id": user_id},
            "contact": {"note": "Angerufen und den Wunsch besprochen."},
            "qualify": {},
            "lose": {"reason": "Hat sich für eine andere Werkstatt entschieden."},
        }
        for number, lead_id in enumerate(lead_ids):
            for verb in FATES[number % len(FATES)]:
                owner.post(f"{CRM}/leads/{lead_id}/{verb}", bodies[verb])


def _responsible(organization: Organization, place: int) -> Person:
    for role in ("service_advisor", "manager"):
        for person in organization.people:
            if person.role == role and (not person.workshops or place in person.workshops):
                return person
    return organization.people[0]


def _claims(token: str) -> dict[str, str]:
    # Nobody trusts this reading: the gateway and the services check the token, we only want to know who we are.
    payload = token.split(".")[1]
    return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
