"""The services' own commands, run in forks of this process: importing a service takes longer than most of them."""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from itertools import batched
from pathlib import Path

from carbot_local.errors import StackError
from carbot_local.processes import last_line

AT_ONCE = 2
SECONDS = 120


def run_each(words: str, environments: Mapping[str, Mapping[str, str]], folder: Path) -> None:
    """Run `python -m carbot_<service> <words>` for each service, with its environment; raise StackError if one fails.

    What a command prints is kept in the folder.
    """
    context = multiprocessing.get_context("fork")
    for batch in batched(environments.items(), AT_ONCE, strict=False):
        started = [
            (
                service,
                _log(folder, service, words),
                context.Process(target=_become, args=(service, words, told, folder)),
            )
            for service, told in batch
        ]
        for _, _, process in started:
            process.start()
        for service, log, process in started:
            process.join(SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
            if process.exitcode != 0:
                raise StackError(f"{service} {words} ended with {process.exitcode}: {last_line(log)}")


def _log(folder: Path, service: str, words: str) -> Path:
    return folder / f"{service}-{words.split(maxsplit=1)[0]}.log"


def _become(service: str, words: str, told: Mapping[str, str], folder: Path) -> None:
    output = _log(folder, service, words).open("w")
    for number in (1, 2):
        os.dup2(output.fileno(), number)
    sys.stdout = sys.stderr = output
    os.environ.update(told)
    sys.argv = [f"carbot_{service}", *words.split()]
    runpy.run_module(f"carbot_{service}", run_name="__main__", alter_sys=True)
