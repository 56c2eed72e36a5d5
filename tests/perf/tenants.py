"""Organisations known by their numbers, so that the loader, the load generator and pgbench mean the same ones."""

from uuid import UUID

FIRST = 1000
"""Numbers have four digits; the first organisation is the largest."""

ORGANIZATION = "01900000-0000-7000-8000-00000000"
WORKSHOP = "01900000-0000-7000-9000-00000000"
USER = "01900000-0000-7000-a000-00000000"


def organization(number: int) -> UUID:
    return UUID(f"{ORGANIZATION}{number}")


def workshop(number: int) -> UUID:
    return UUID(f"{WORKSHOP}{number}")


def user(number: int) -> UUID:
    return UUID(f"{USER}{number}")
