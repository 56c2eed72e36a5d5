"""Passwords: what a new one must be, and hashing in a bounded pool of threads."""

import asyncio
import os
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from carbot_core.errors import FieldError, Invalid, Unavailable

# OWASP's and RFC 9106's floor for argon2id: 19 MiB, two passes, one lane; some 30 ms of one core.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
SHORTEST = 8
THREADS = 2
WAITING = 32
NICENESS = 10
"""Hashing yields to every other thread of the machine: a flood of sign-ins must not slow anything else down."""
_SHORTEST_WORD = 3


class WeakPassword(Invalid):
    """The password must have 8 to 128 characters, must not be a common one, and must not contain your name or your e-mail address."""


class PasswordsBusy(Unavailable):
    """Too many people are signing in at this moment: try again."""


def refuse_weak(password: str, *, email: str, name: str, pointer: str) -> None:
    """Raise WeakPassword if it is too short, among the 10 000 most common, or contains what everybody knows of its owner."""
    folded = _composed(password).casefold()
    own = [email, email.partition("@")[0], *name.split()]
    words = [_composed(word).casefold() for word in own if len(word) >= _SHORTEST_WORD]
    if len(password) < SHORTEST or folded in common() or any(word in folded for word in words):
        raise WeakPassword(errors=(FieldError(pointer, WeakPassword.sentence()),))


@cache
def common() -> frozenset[str]:
    """Return the 10 000 most common passwords.

    The first of zxcvbn's list by frequency in leaks (Dropbox and Daniel Wolf, MIT licence), in lower case.
    """
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text("utf-8").split())


class Passwords:
    """Hashes and verifies in a few threads; refuses when too many wait. Never call it inside a transaction."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords", initializer=_yield_to_others)
        self._places = BoundedSemaphore(THREADS + WAITING)
        self._nobodys = _HASHER.hash("nobody has this one")

    async def hash(self, password: str) -> str:
        """Return what is stored of a password; raise PasswordsBusy."""
        return await self._run(lambda: _HASHER.hash(_composed(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password is the stored one; without one, take as long and say no. Raise PasswordsBusy."""
        return await self._run(lambda: _matches(stored or self._nobodys, password)) and stored is not None

    async def _run[T](self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise PasswordsBusy
        job = self._threads.submit(work)
        # The thread gives the place back: whoever waited for it may be gone.
        job.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(job)


def _yield_to_others() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, _composed(password))
    except (VerificationError, InvalidHashError):
        return False


def _composed(password: str) -> str:
    """Return the same bytes whichever keyboard typed an umlaut (NFC, RFC 8265)."""
    return unicodedata.normalize("NFC", password)
