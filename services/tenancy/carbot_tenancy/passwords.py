"""Passwords: what a new one must be, and hashing in a thread beside the loop."""

import asyncio
import os
import threading
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore, Lock
from time import monotonic

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from carbot_core.errors import FieldError, Invalid, Unavailable

# OWASP's and RFC 9106's floor for argon2id: 19 MiB, two passes, one lane; some 30 ms of one core.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
SHORTEST = 8
WAITING = 10
"""A second's work; whoever comes then is told to come again."""
REST = 2
"""How many times as long as it worked the thread rests while others wait: a flood of sign-ins has a third of one core, some dozen a
second and process, and whoever is signed in has the rest."""
NICENESS = 10
"""Hashing yields to the event loop, yet has a tenth of a core that is never idle (CFS weights 110 to 1024): with less, nobody could
sign in on a busy machine."""
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
    """Hashes and verifies in one thread; refuses when too many wait. Never call it inside a transaction."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords", initializer=_yield_to_others)
        self._places = BoundedSemaphore(1 + WAITING)
        self._counting = Lock()
        self._waiting = 0
        self._rests_until = 0.0
        self._nobodys = _HASHER.hash("nobody has this one")

    def refuse_if_busy(self) -> None:
        """Raise PasswordsBusy while too many wait: ask before the first statement, so that a flood costs the database nothing."""
        if not self._places.acquire(blocking=False):
            raise PasswordsBusy
        self._places.release()

    async def hash(self, password: str) -> str:
        """Return what is stored of a password; raise PasswordsBusy."""
        return await self._run(lambda: _HASHER.hash(_composed(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password is the stored one; without one, take as long and say no. Raise PasswordsBusy."""
        return await self._run(lambda: _matches(stored or self._nobodys, password)) and stored is not None

    async def _run[T](self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise PasswordsBusy
        with self._counting:
            self._waiting += 1
        job = self._thread.submit(self._do, work)
        # The thread gives the place back: whoever waited for it may be gone.
        job.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(job)

    def _do[T](self, work: Callable[[], T]) -> T:
        with self._counting:
            self._waiting -= 1
            others_wait = self._waiting > 0
        if others_wait:
            time.sleep(max(0.0, self._rests_until - monotonic()))
        started = time.thread_time()
        try:
            return work()
        finally:
            self._rests_until = monotonic() + REST * (time.thread_time() - started)


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
