"""A polite user of the gateway: waits when asked to, and until what was just made is known everywhere."""

import email
import email.policy
import re
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx

from carbot_local.errors import StackError

KNOWN_SOON_SECONDS = 10.0
MAIL_SECONDS = 20.0
# What an answer is when the receiving service has not heard yet of a new workshop, key or member.
NOT_YET = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND}
WAIT = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE}


class Gateway:
    """Requests through the gateway, as anybody or with a token or key."""

    def __init__(self, client: httpx.Client, headers: dict[str, str] | None = None) -> None:
        self._client = client
        self._headers = headers or {}

    def signed_in(self, token: str) -> "Gateway":
        return Gateway(self._client, {"authorization": f"Bearer {token}"})

    def with_key(self, key: str, origin: str) -> "Gateway":
        return Gateway(self._client, {"x-carbot-key": key, "origin": origin})

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        """Return the decoded answer, or None when it has none; raise StackError when the answer stays a refusal."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: object) -> Any:
        # The same key for the same request: an answer that was lost is given again.
        key = str(uuid5(NAMESPACE_URL, f"{self._headers}{method}{path}{body}"))
        headers = {**self._headers, **({"idempotency-key": key} if "authorization" in self._headers else {})}
        end = time.monotonic() + KNOWN_SOON_SECONDS
        while True:
            answer = self._client.request(method, path, json=body, headers=headers)
            if answer.is_success:
                return answer.json() if answer.content else None
            again = answer.status_code in WAIT or (self._headers and answer.status_code in NOT_YET)
            if not again or time.monotonic() > end:
                raise StackError(f"{method} {path} is answered with {answer.status_code}: {answer.text[:300]}")
            time.sleep(float(answer.headers.get("retry-after", "0.3")))


class Mailbox:
    """The mails that the sink has taken."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def token_for(self, address: str) -> str:
        """Wait for a mail to that address with a link that carries a token, and return the newest one's token."""
        end = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < end:
            for path in sorted(self._folder.glob("*.eml"), reverse=True):
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if address in str(message["to"]) and (token := _token_in(message)):
                    return token
            time.sleep(0.1)
        raise StackError(
            f"no mail with a link came for {address} within {MAIL_SECONDS:.0f} s: see the log of tenancy-worker"
        )


def _token_in(message: EmailMessage) -> str | None:
    body = message.get_body(("plain", "html"))
    found = re.search(r"[?&#]token=([A-Za-z0-9._~-]+)", body.get_content()) if body else None
    return found[1] if found else None
