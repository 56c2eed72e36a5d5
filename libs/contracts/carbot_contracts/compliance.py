"""Events of compliance: none yet; what it records comes to it sealed, on the audit stream."""

from carbot_contracts.event import Event

EVENTS: tuple[type[Event], ...] = ()
