"""When a process dies: at its n-th suspension, whichever of its tasks suspends there."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal, override

type Manner = Literal["torn", "answered"]
"""Torn: what was sent may be on its way still. Answered: it was worked on, and the answer is never read.

What was about to be sent and never was is the same as what was answered at the suspension before.
"""

_ANSWER_SECONDS = 0.05
_REST_SECONDS = 0.001


class Fate:
    """Counts the suspensions of a process while it is told to, and kills it at one of them."""

    def __init__(self, point: int | None, manner: Manner, tell: Callable[[object], object]) -> None:
        self.count = 0
        self._point = point
        self._manner = manner
        self._tell = tell
        self._counting = False

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return a loop all of whose tasks share this fate."""
        loop = asyncio.SelectorEventLoop()
        self._selector = loop._selector  # pyright: ignore[reportAttributeAccessIssue] - what the process waits for

        def mortal(loop: asyncio.AbstractEventLoop, coroutine: Any, **rest: Any) -> asyncio.Task[Any]:
            return asyncio.Task(_Mortal(self, coroutine), loop=loop, **rest)  # pyright: ignore[reportArgumentType] - it takes whatever can be awaited step by step

        loop.set_task_factory(mortal)
        return loop

    @contextmanager
    def counted(self) -> Generator[None]:
        """Count from here to the end of the block."""
        self._counting = True
        yield
        self._counting = False

    def meet(self) -> None:
        """Die, if this is the suspension."""
        if not self._counting:
            return
        if self.count == self._point:
            if self._manner == "answered":
                self._selector.select(_ANSWER_SECONDS)
                time.sleep(_REST_SECONDS)
            self._tell({"died": self.count})
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1


class _Mortal[T](Coroutine[Any, Any, T]):
    """A coroutine that meets its fate whenever it suspends."""

    def __init__(self, fate: Fate, coroutine: Coroutine[Any, Any, T]) -> None:
        self._fate = fate
        self._coroutine = coroutine

    @override
    def send(self, value: Any) -> Any:
        waits_for = self._coroutine.send(value)
        self._fate.meet()
        return waits_for

    @override
    def throw(self, typ: Any, val: BaseException | object = None, tb: TracebackType | None = None) -> Any:
        waits_for = self._coroutine.throw(typ)
        self._fate.meet()
        return waits_for

    @override
    def close(self) -> None:
        self._coroutine.close()

    @override
    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()
