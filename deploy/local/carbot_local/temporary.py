"""Folders that live as long as one process."""

import os
import shutil
import tempfile
from pathlib import Path

import psutil

PREFIX = "carbot-"


def temporary_folder(purpose: str) -> Path:
    """Make a folder that servers of another user can reach, and remove those whose process was killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}{purpose}-*"):
        pid = left.name.removeprefix(f"{PREFIX}{purpose}-").split("-")[0]
        if pid.isdigit() and left.stat().st_uid == os.geteuid() and not _runs(int(pid)):
            remove(left)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-{os.getpid()}-"))
    folder.chmod(0o711)
    return folder


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
