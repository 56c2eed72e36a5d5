"""What people ask for all day, of the largest organisation as often as it is large."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from carbot_testing.issuer import Issuer
from tests.perf import tenants
from tests.perf.crm import town
from tests.perf.crm.town import Quarter
from tests.perf.load import Request

_LARGEST_PERCENT = 20
_SOUGHT = (
    "Müller",
    "Schroder",
    "Kowalsky",
    "Anna Schmidt",
    "yilmaz",
    "zimmerman",
    "Hauptstrasse",
    "golf",
    "nowak piotr",
)


class Asked:
    """The routes with a limit, each asked in the name of owners; a seed makes the same questions."""

    def __init__(self, issuer: Issuer, others: Quarter, *, seed: int) -> None:
        self._dice = random.Random(seed)
        self._others = others
        self._tokens = {
            number: issuer.token(tenants.organization(number), user_id=tenants.user(number))
            for number in (tenants.FIRST, *range(others.first, others.first + others.organizations))
        }

    def requests(self) -> Mapping[str, tuple[Request, str]]:
        """Return the requests by their names, each with its aim."""
        return {
            "lead dashboard": (self._get(self._dashboard), "p99 ≤ 30 ms"),
            "customer search": (self._get(self._search), "p99 ≤ 20 ms"),
            "HU due list": (self._get(self._due), "p99 ≤ 20 ms"),
            "inbox": (self._get(self._inbox), "p99 ≤ 20 ms"),
            "chat history": (self._get(self._history), "p99 ≤ 20 ms"),
            "customer's timeline": (self._get(self._timeline), ""),
        }

    def _get(self, path: Callable[[Quarter, int], str]) -> Request:
        def make() -> bytes:
            largest = self._dice.randrange(100) < _LARGEST_PERCENT
            quarter = town.LARGEST if largest else self._others
            number = quarter.first + self._dice.randrange(quarter.organizations)
            head = f"GET /api/crm/v1/{path(quarter, number)} HTTP/1.1\r\nhost: crm\r\n"
            return f"{head}authorization: Bearer {self._tokens[number]}\r\n\r\n".encode()

        return Request(make, frozenset({200}))

    def _dashboard(self, _quarter: Quarter, number: int) -> str:
        return f"dashboard/leads?workshop_id={tenants.workshop(number)}&days={self._dice.choice((7, 30, 90))}"

    def _search(self, quarter: Quarter, number: int) -> str:
        customer = self._which(quarter, number, quarter.customers)
        sought = self._dice.choice((*_SOUGHT, f"0151{customer:08}", f"1{customer:08}"[-6:]))
        return f"search?q={quote(sought)}"

    def _due(self, _quarter: Quarter, number: int) -> str:
        day = datetime.now(UTC).date() + timedelta(days=self._dice.randrange(300))
        until = day + timedelta(days=60)
        return f"vehicles/due?from={day}&to={until}&kind=hu&workshop_id={tenants.workshop(number)}"

    def _inbox(self, _quarter: Quarter, number: int) -> str:
        narrowed = self._dice.choice(("", "?status=open", f"?workshop_id={tenants.workshop(number)}"))
        return f"inbox{narrowed}"

    def _history(self, quarter: Quarter, number: int) -> str:
        session = town.row_id(town.SESSION, self._which(quarter, number, quarter.sessions))
        return f"inbox/{session}/messages"

    def _timeline(self, quarter: Quarter, number: int) -> str:
        customer = town.row_id(town.CUSTOMER, self._which(quarter, number, quarter.customers))
        return f"customers/{customer}/timeline"

    def _which(self, quarter: Quarter, number: int, rows: int) -> int:
        return quarter.number(number, self._dice.randrange(rows // quarter.organizations))
