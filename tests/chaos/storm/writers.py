"""Clients that create and change leads, workshops and locations, and note in the ledger what they were told."""

import asyncio
from itertools import count
from random import Random
from uuid import UUID, uuid4

from carbot_testing.founding import new_location, new_workshop
from tests.chaos.storm.courier import Courier, Refused
from tests.chaos.storm.ledger import Lead, Ledger, Workshop

_LEADS = "/api/crm/v1/leads"
_WORKSHOPS = "/api/tenancy/v1/workshops"
_numbers = count(1)


class Writer:
    """One client, with leads and workshops that nobody else changes."""

    def __init__(self, courier: Courier, ledger: Ledger, dice: Random, *, pause: float) -> None:
        self._courier = courier
        self._ledger = ledger
        self._dice = dice
        self._pause = pause
        self._leads: list[Lead] = []
        self._workshops: list[Workshop] = []

    @property
    def home(self) -> UUID:
        """The workshop that gets the leads."""
        return self._workshops[0].id

    async def run(self, ended: asyncio.Event) -> None:
        """Write until the storm has ended, and finish what was begun."""
        self._courier.calm = False
        deeds = [self.create_lead, self.contact_lead, self.edit_lead, self.create_workshop, self.edit_workshop]
        deeds.append(self.create_location)
        try:
            while not ended.is_set():
                (deed,) = self._dice.choices(deeds, weights=(20, 25, 25, 4, 20, 6))
                try:
                    await deed()
                except Refused as refusal:
                    self._ledger.faults.append(str(refusal))
                await asyncio.sleep(self._dice.expovariate(1 / self._pause))
        finally:
            await self._courier.close()

    async def create_lead(self) -> None:
        marker = uuid4().hex
        body = {"workshop_id": str(self.home), "source": "email", "name": "Jörg Weiß", "request": marker}
        answer = await self._courier.post("crm", _LEADS, {**body, "email": f"{marker}@example.org"})
        self._leads.append(Lead(UUID(answer["id"]), marker, answer["revision"], answer["estimated_value"]))
        self._ledger.leads.append(self._leads[-1])
        self._ledger.markers.append(marker)

    async def contact_lead(self) -> None:
        """Take a step that can be taken again and again: each leaves an interaction and a revision."""
        if not self._leads:
            return
        lead, marker = self._dice.choice(self._leads), uuid4().hex
        answer = await self._courier.post("crm", f"{_LEADS}/{lead.id}/contact", {"note": marker})
        self._expect(lead.revision + 1, answer["revision"], f"contact of lead {lead.id}")
        lead.revision = answer["revision"]
        self._ledger.markers.append(marker)

    async def edit_lead(self) -> None:
        if not self._leads:
            return
        lead, value = self._dice.choice(self._leads), next(_numbers)
        answer = await self._courier.patch(
            "crm",
            f"{_LEADS}/{lead.id}",
            lead.revision,
            {"estimated_value": value},
            lambda found: found["estimated_value"] == value,
        )
        self._expect(lead.revision + 1, answer["revision"], f"edit of lead {lead.id}")
        lead.revision, lead.value = answer["revision"], value

    async def create_workshop(self) -> None:
        new = new_workshop(name=f"Werkstatt {next(_numbers)}")
        answer = await self._courier.post("tenancy", _WORKSHOPS, new)
        self._workshops.append(Workshop(UUID(answer["id"]), new["slug"], answer["revision"], new["name"]))
        self._ledger.workshops.append(self._workshops[-1])

    async def edit_workshop(self) -> None:
        workshop, name = self._dice.choice(self._workshops), f"Werkstatt {next(_numbers)}"
        answer = await self._courier.patch(
            "tenancy",
            f"{_WORKSHOPS}/{workshop.id}",
            workshop.revision,
            {"name": name},
            lambda found: found["name"] == name,
        )
        self._expect(workshop.revision + 1, answer["revision"], f"edit of workshop {workshop.id}")
        workshop.revision, workshop.name = answer["revision"], name

    async def create_location(self) -> None:
        workshop, name = self._dice.choice(self._workshops), f"Standort {uuid4().hex}"
        await self._courier.post("tenancy", f"{_WORKSHOPS}/{workshop.id}/locations", new_location(name=name))
        self._ledger.locations.append(name)

    def _expect(self, expected: int, revision: int, what: str) -> None:
        if revision != expected:
            self._ledger.faults.append(f"{what} was answered with revision {revision}, not {expected}")
