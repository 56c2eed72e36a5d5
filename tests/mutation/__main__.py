"""`python -m tests.mutation`: plant faults one at a time, and count those that no test notices."""

import asyncio
import difflib
import random
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from carbot_testing.data_plane import DataPlane
from carbot_testing.plugin import TEMPLATE
from carbot_testing.running import build_template
from tests.mutation.excused import Excuse, read_excuses, stale
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.subjects import TESTS
from tests.mutation.trial import CORE, Shadow, Verdict

AT_ONCE = 2
WANTED = 0.85

console = Console(highlight=False, soft_wrap=True)


def source_of(module: str) -> str:
    return (CORE / "carbot_core" / module).read_text("utf-8")


def all_mutants() -> list[Mutant]:
    return [mutant for module in TESTS for mutant in mutants_of(module, source_of(module))]


@click.command()
@click.option("--sample", default=120, show_default=True, help="How many mutants are tried.")
@click.option("--seed", type=int, help="To try the same again.")
@click.option("--module", "only", type=click.Choice(list(TESTS)), help="Only mutants of this one.")
def main(*, sample: int, seed: int | None, only: str | None) -> None:
    """Try mutants of the core: killed if a test of the module fails, or hangs."""
    mutants, excuses = all_mutants(), read_excuses()
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    open_ones = [each for each in mutants if not any(excuse.covers(each) for excuse in excuses)]
    possible = [each for each in open_ones if only in {None, each.module}]
    chosen = random.Random(seed).sample(possible, min(sample, len(possible)))
    console.print(
        f"{len(mutants)} mutants, {len(mutants) - len(open_ones)} excused, trying {len(chosen)}: --seed {seed}"
    )
    verdicts = try_out(chosen)
    outdated = stale(excuses, mutants)
    rate = report(mutants, excuses, chosen, verdicts)
    for excuse in outdated:
        console.print(
            f"survivors.toml excuses what is no more: {escape(f'{excuse.module} {excuse.function}: {excuse.was}')}"
        )
    sys.exit(1 if outdated or rate < WANTED else 0)


@contextmanager
def shadows() -> Generator[list[Shadow]]:
    """Start the servers, which every run uses, and copy the core for those that run at once."""
    plane = DataPlane.start()
    try:
        asyncio.run(build_template(plane, TEMPLATE))
        with TemporaryDirectory(prefix="carbot-mutation-") as folder:
            Path(folder).chmod(0o755)
            yield [Shadow.make(Path(folder) / str(number), plane.describe()) for number in range(AT_ONCE)]
    finally:
        plane.stop()


def try_out(chosen: Sequence[Mutant]) -> list[Verdict]:
    """Try each, after its tests have passed without it."""
    with shadows() as made, ThreadPoolExecutor(AT_ONCE) as pool:
        free: SimpleQueue[Shadow] = SimpleQueue()
        for shadow in made:
            free.put(shadow)

        def pass_first(module: str) -> float:
            shadow = free.get()
            verdict = shadow.test(module, 600)
            free.put(shadow)
            if verdict.fate != "survived":
                raise click.ClickException(f"the tests of {module} fail without a mutant: {verdict.witness}")
            console.print(f"{module} is tested in {verdict.seconds:.0f} s")
            return 30 + 2 * verdict.seconds

        def one(mutant: Mutant) -> Verdict:
            shadow = free.get()
            verdict = shadow.try_out(mutant, limits[TESTS[mutant.module]])
            free.put(shadow)
            place = f"{mutant.module}:{mutant.line} {mutant.function}, {mutant.operator}"
            console.print(f"{verdict.fate} {escape(place)}, {verdict.seconds:.0f} s {escape(verdict.witness)}")
            return verdict

        try:
            suites = {TESTS[mutant.module]: mutant.module for mutant in chosen}
            limits = dict(zip(suites, pool.map(pass_first, suites.values()), strict=True))
            return list(pool.map(one, chosen))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def report(
    mutants: Sequence[Mutant], excuses: Sequence[Excuse], chosen: Sequence[Mutant], verdicts: Sequence[Verdict]
) -> float:
    """Print the survivors and the rates; return the whole rate."""
    tried, killed = Counter[str](), Counter[str]()
    for mutant, verdict in zip(chosen, verdicts, strict=True):
        tried[mutant.module] += 1
        killed[mutant.module] += verdict.fate != "survived"
        if verdict.fate == "survived":
            console.print(f"\n{mutant.module}, {mutant.function}, {mutant.operator}")
            console.print(escape(difference(mutant)))
    table = Table("module", "possible", "excused", "tried", "killed", "rate")
    for module in TESTS:
        possible = [mutant for mutant in mutants if mutant.module == module]
        excused = sum(any(excuse.covers(mutant) for excuse in excuses) for mutant in possible)
        table.add_row(
            module,
            *map(str, (len(possible), excused, tried[module], killed[module])),
            _rate(killed[module], tried[module]),
        )
    rate = killed.total() / max(tried.total(), 1)
    table.add_row(
        "all", str(len(mutants)), "", str(tried.total()), str(killed.total()), _rate(killed.total(), tried.total())
    )
    console.print(table)
    return rate


def _rate(killed: int, tried: int) -> str:
    return f"{killed / tried:.0%}" if tried else "-"


def difference(mutant: Mutant) -> str:
    lines = difflib.unified_diff(source_of(mutant.module).splitlines(), mutant.source.splitlines(), lineterm="", n=1)
    return "\n".join(list(lines)[2:])


if __name__ == "__main__":
    main()
