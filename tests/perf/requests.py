"""The requests that are measured."""

import random
from itertools import count
from uuid import UUID

import msgspec

from carbot_crm.leads.models import NewLead
from carbot_testing.issuer import Issuer
from tests.perf import tenants
from tests.perf.load import Request
from tests.perf.volume import Volume

PAGE = 20
READS = 80
_dice = random.Random(2)
_numbers = count(_dice.randrange(10_000_000, 50_000_000))


class Askers:
    """Owners of the organisations, each with a token; the largest organisation asks as often as it is large."""

    def __init__(self, issuer: Issuer, volume: Volume) -> None:
        numbers = range(tenants.FIRST, tenants.FIRST + volume.organizations)
        self._largest_share = volume.largest_share
        self._numbers = list(numbers)
        self._headers = {number: _headers(issuer, number) for number in numbers}

    def pick(self) -> int:
        if _dice.randrange(100) < self._largest_share:
            return tenants.FIRST
        return _dice.choice(self._numbers[1:])

    def list_leads(self) -> Request:
        asked = {
            number: b"GET /api/crm/v1/leads?limit=%d HTTP/1.1\r\n%b\r\n" % (PAGE, headers)
            for number, headers in self._headers.items()
        }
        return Request(lambda: asked[self.pick()], frozenset({200}))

    def create_lead(self) -> Request:
        return Request(self._creation, frozenset({201}))

    def mixed(self) -> Request:
        """Return lists for the most part, and creations: READS of a hundred are lists."""
        lists = self.list_leads()
        return Request(
            lambda: lists.make() if _dice.randrange(100) < READS else self._creation(), frozenset({200, 201})
        )

    def _creation(self) -> bytes:
        number = self.pick()
        body = msgspec.json.encode(new_lead(tenants.workshop(number), next(_numbers)))
        return (
            b"POST /api/crm/v1/leads HTTP/1.1\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (
                self._headers[number],
                len(body),
                body,
            )
        )


def new_lead(workshop: UUID, number: int) -> NewLead:
    """Return a lead whose telephone number, of eight digits, is new."""
    return NewLead(
        workshop_id=workshop,
        source="phone",
        name="Ayşe Yılmaz",
        phone=f"+4930{number}",
        email="ayse@example.org",
        request="TÜV und Bremsen, gern am Vormittag",
        vehicle="VW Golf, B-AY 1234",
    )


def _headers(issuer: Issuer, number: int) -> bytes:
    token = issuer.token(tenants.organization(number), user_id=tenants.user(number))
    return f"host: crm\r\nauthorization: Bearer {token}\r\n".encode()
