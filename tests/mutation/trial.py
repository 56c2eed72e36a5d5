"""Runs tests against a copy of carbot_core: the processes under test import that one, their children too."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Literal, Self

import msgspec

from carbot_local.layout import REPOSITORY
from carbot_testing.plugin import ATTACHED
from tests.mutation.mutants import Mutant
from tests.mutation.subjects import TESTS

CORE = REPOSITORY / "libs/core"

type Fate = Literal["killed", "timeout", "survived"]


class Verdict(msgspec.Struct, frozen=True):
    """What became of a run; `witness` is the test that failed."""

    fate: Fate
    seconds: float
    witness: str = ""


class Shadow:
    """A copy of libs/core that is imported instead of it."""

    def __init__(self, folder: Path, plane: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(folder), ATTACHED: plane}

    @classmethod
    def make(cls, folder: Path, plane: str) -> Self:
        """Make the copy; its tests use the data plane so described."""
        shutil.copytree(CORE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return cls(folder, plane)

    def try_out(self, mutant: Mutant, limit: float) -> Verdict:
        """Run the tests of the mutant's module with it in place, for so many seconds at the most."""
        self._write(mutant.module, mutant.source)
        try:
            return self.test(mutant.module, limit)
        finally:
            self._write(mutant.module, (CORE / "carbot_core" / mutant.module).read_text("utf-8"))

    def test(self, module: str, limit: float) -> Verdict:
        """Run the tests of a module."""
        command = [sys.executable, "-W", "error", "-m", "pytest", "-x", "-q", "--no-header", "--tb=no"]
        started = monotonic()
        running = subprocess.Popen(
            [*command, "-p", "no:cacheprovider", "-m", "not alone", *TESTS[module]],
            cwd=REPOSITORY,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            said, _ = running.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return Verdict("timeout", monotonic() - started)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.communicate()
        seconds = monotonic() - started
        if running.returncode == 0:
            return Verdict("survived", seconds)
        failed = re.search(r"^(?:FAILED|ERROR) (?:\S*/)?(\S+)", said, re.MULTILINE)
        return Verdict("killed", seconds, failed[1] if failed else said.strip().rpartition("\n")[2])

    def _write(self, module: str, source: str) -> None:
        path = self._folder / "carbot_core" / module
        path.write_text(source, "utf-8")
        # It is checked by size and second only.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
