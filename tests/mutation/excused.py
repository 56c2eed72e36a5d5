"""Mutants that no test can or need tell from the original, each with its reason: survivors.toml."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tests.mutation.mutants import Mutant


class Excuse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mutants of a function that change this line into that one."""

    module: str
    function: str
    operator: str
    was: str
    becomes: str
    reason: str

    def covers(self, mutant: Mutant) -> bool:
        return (self.module, self.function, self.operator, self.was, self.becomes) == (
            mutant.module,
            mutant.function,
            mutant.operator,
            mutant.was,
            mutant.becomes,
        )


def read_excuses() -> list[Excuse]:
    found = tomllib.loads(Path(__file__).with_name("survivors.toml").read_text("utf-8"))
    return msgspec.convert(found.get("survivor", []), list[Excuse])


def stale(excuses: Iterable[Excuse], mutants: Iterable[Mutant]) -> list[Excuse]:
    """Return those that cover no mutant any more."""
    known = list(mutants)
    return [excuse for excuse in excuses if not any(excuse.covers(mutant) for mutant in known)]
