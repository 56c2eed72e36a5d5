"""Values that are found again wherever they went: unique, and recognised in every usual encoding."""

import base64
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from interface import Document, Operation, document

from carbot_core.web.examples import resolve

CORE: Final = re.compile(rb"kanari[0-9a-f]{12}")
_KEPT: Final = ("uuid", "date", "date-time", "time", "duration")


class Canaries:
    """Makes values and remembers them."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self._numbers = 0

    def text(self, where: str) -> str:
        """Return a word that is nowhere else."""
        return self.know(f"kanari{uuid4().hex[:12]}", where)

    def phone(self, where: str) -> str:
        self._numbers += 1
        return self.know(f"+49 1512 77{self._numbers:03}{uuid4().int % 100:02}", where)

    def know(self, secret: str, where: str) -> str:
        """Look for this, too."""
        self._made[secret] = where
        return secret

    def __len__(self) -> int:
        return len(self._made)

    def found_in(self, seen: bytes) -> set[str]:
        """Return where those come from that somebody can read there."""
        low = seen.lower()
        return {
            f"{where}: {secret}"
            for secret, where in self._made.items()
            if any(form in (low if is_any_case else seen) for form, is_any_case in _forms(secret))
        }

    def body(self, operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
        """Return a body with a canary in every text that may be one."""
        content = operation.body()
        assert content is not None
        return self._filled(operation, content["schema"], given, operation.id)

    def _filled(self, operation: Operation, schema: Document, given: Any, where: str) -> Any:
        schema = resolve(schema, document(operation.service)["components"]["schemas"])
        if isinstance(given, dict) and "properties" in schema:
            members: dict[str, Document] = schema["properties"]
            known: dict[str, Any] = {**dict.fromkeys(members), **given}
            filled = {
                name: self._filled(operation, members[name], value, f"{where}.{name}") for name, value in known.items()
            }
            return {name: value for name, value in filled.items() if value is not None or name in given}
        if isinstance(given, list | bool | int) or "enum" in schema or schema.get("format") in _KEPT:
            return given
        return self._of(schema, where) or given if schema.get("type") == "string" else given

    def _of(self, schema: Document, where: str) -> str | None:
        """Return a canary that the schema admits, None if it admits none."""
        word = self.text(where)
        forms = (f"{word}@example.org", f"https://{word}.example", word, f"{word} Kanarienvogel", self.phone(where))
        name = where.rpartition(".")[2]
        ordered = sorted(forms, key=lambda form: not _is_named(name, form))
        return next((form for form in ordered if _fits(schema, form)), None)


def _is_named(name: str, form: str) -> bool:
    expected = (
        "@" if "email" in name else "https" if "website" in name or "url" in name else "+49" if "phone" in name else ""
    )
    return expected in form if expected else not any(each in form for each in ("@", "https", "+49", " "))


def _fits(schema: Document, form: str) -> bool:
    longest: int = schema.get("maxLength", 10_000)
    return schema.get("minLength", 0) <= len(form) <= longest and re.search(schema.get("pattern", ""), form) is not None


def _forms(secret: str) -> Iterator[tuple[bytes, bool]]:
    """Return how a secret may be written: as it is, percent-encoded, in hexadecimal, in base64 at each of its three offsets."""
    raw = secret.encode()
    yield raw.lower(), True
    yield quote(secret, safe="").encode().lower(), True
    yield secret.replace(" ", "").encode().lower(), True
    yield raw.hex().encode(), True
    for offset in range(3):
        inner = base64.b64encode(b"\0" * offset + raw)
        yield inner[4 if offset else 0 : -4], False
        yield inner[4 if offset else 0 : -4].translate(bytes.maketrans(b"+/", b"-_")), False
