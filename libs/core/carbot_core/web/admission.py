"""How much a process takes on: so many requests at once, so many more that wait a moment; the rest is refused at once.

A process that takes on everything does nothing in time: each request waits for all before it, until its client has gone.
"""

import asyncio

from carbot_core.errors import Unavailable

AT_ONCE = 32
"""Three times the connections to the database: enough to keep them busy, few enough that nobody waits long for one."""
WAITING = 512
"""A second's work: as many clients as ask again as soon as they are answered all get their turn."""
WAIT_SECONDS = 1.8
"""So long that whoever was let wait is served even by a machine half as fast: to refuse somebody late costs as much as to serve."""


class Overloaded(Unavailable):
    """The service has more to do than it can: try again when Retry-After says so."""


class Place:
    """One of the places at which requests are worked on."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places

    def leave(self) -> None:
        """Let the next one have it; does nothing when it is left already."""
        places, self._places = self._places, None
        if places is not None:
            places.release()


class Admission:
    """Who is let in."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    @property
    def full(self) -> bool:
        """Whether even the waiting room is full: then nobody needs to look at the request."""
        return self._waiting >= WAITING

    async def enter(self) -> Place:
        """Return a place, perhaps after a while; raise Overloaded if none becomes free soon."""
        if not self._places.locked():
            await self._places.acquire()
            return Place(self._places)
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise Overloaded from None
        finally:
            self._waiting -= 1
        return Place(self._places)
