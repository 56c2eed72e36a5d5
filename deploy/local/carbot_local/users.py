"""The user of PostgreSQL and PgBouncer, and files that belong to it."""

import os
import pwd
from pathlib import Path

from carbot_local.errors import StackError


def system_user() -> str | None:
    """Return who runs PostgreSQL and PgBouncer, which refuse to run as root; None when we are an ordinary user."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError as error:
        raise StackError("there is no user postgres: install postgresql, or start as an ordinary user") from error


def prefix(user: str | None) -> list[str]:
    """Return the words before a command that make it run as that user."""
    if user is None:
        return []
    return ["setpriv", "--reuid", user, "--regid", str(pwd.getpwnam(user).pw_gid), "--init-groups"]


def open_folder(folder: Path) -> None:
    """Create a folder that others may pass through but not look into; nobody may when we start everything ourselves."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o700 if system_user() is None else 0o711)


def own_folder(folder: Path) -> None:
    """Create a folder that only we ourselves may open."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def private_folder(folder: Path) -> None:
    """Create a folder that only the system user may open; raise StackError if it cannot reach it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _give(folder)
    if system_user() is not None and (closed := [str(p) for p in folder.parents if not p.stat().st_mode & 0o001]):
        raise StackError(f"{closed[-1]} is closed to the user {system_user()}, who runs PostgreSQL: use another folder")


def private_file(path: Path, text: str) -> None:
    """Write a file that from its first byte only the system user can read."""
    write_secret(path, text)
    _give(path)


def write_secret(path: Path, text: str) -> None:
    """Write a file that from its first byte only we ourselves can read; whole or not at all."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)


def _give(path: Path) -> None:
    if (user := system_user()) is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)
