"""The responder that asks a language model over an OpenAI-compatible interface, for what the rules do not know."""

import asyncio
import re
from typing import Annotated, Final, override

import httpx
import msgspec
import structlog

from carbot_core import telemetry
from carbot_crm.chat.models import Language
from carbot_crm.responder.models import Conversation, Knowledge, Reply, Responder

log = structlog.get_logger()
outcomes = telemetry.meter.create_counter("carbot.crm.chat.endpoint")

SECONDS: Final = 5.0
"""From the first byte that is sent to the last that is read; then the rules answer."""
HISTORY: Final = 12
MOST_BYTES: Final = 256 * 1024
LONGEST_ANSWER: Final = 4000
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NAMES: Final[dict[Language, str]] = {"de": "German", "en": "English", "tr": "Turkish", "pl": "Polish"}


class _Said(msgspec.Struct, frozen=True):
    content: Annotated[str, msgspec.Meta(min_length=1)]


class _Choice(msgspec.Struct, frozen=True):
    message: _Said


class _Completion(msgspec.Struct, frozen=True):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]


class Endpoint(Responder):
    """Lets the rules answer what they know and a lead in progress, and asks the model for the rest."""

    def __init__(self, rules: Responder, *, url: str, key: str, model: str) -> None:
        self._rules = rules
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._model = model

    @override
    async def respond(self, conversation: Conversation, knowledge: Knowledge) -> Reply:
        reply = await self._rules.respond(conversation, knowledge)
        if reply.knows:
            return reply
        try:
            async with asyncio.timeout(SECONDS):
                text = await self._ask(conversation, knowledge)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, UnicodeDecodeError, TimeoutError) as error:
            log.warning("endpoint_unanswered", reason=type(error).__name__)
            outcomes.add(1, {"outcome": "failed"})
            return reply
        outcomes.add(1, {"outcome": "answered"})
        return Reply(text=text) if text else reply

    async def _ask(self, conversation: Conversation, knowledge: Knowledge) -> str:
        said = [
            {"role": "user" if each.author == "visitor" else "assistant", "content": each.text}
            for each in conversation.history[-HISTORY:]
        ]
        body = {
            "model": self._model,
            "messages": [{"role": "system", "content": _briefing(conversation.language, knowledge)}, *said],
            "max_tokens": 500,
            "temperature": 0.7,
        }
        async with (
            httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client,
            client.stream("POST", self._url, json=body, headers=self._headers) as answer,
        ):
            answer.raise_for_status()
            content = bytearray()
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > MOST_BYTES:
                    raise httpx.DecodingError("the answer is too long")
        text = msgspec.json.decode(bytes(content), type=_Completion).choices[0].message.content
        return _CONTROL.sub("", text).strip()[:LONGEST_ANSWER]


def _briefing(language: Language, knowledge: Knowledge) -> str:
    facts = msgspec.json.encode(knowledge).decode()
    return (
        f"You answer visitors of the car workshop in these facts, in {_NAMES[language]}, briefly and politely. Use the facts"
        " alone; promise no prices or appointments that are not in them. If they do not say it, tell the visitor to ask for a"
        f" call back. Facts: {facts}"
    )
