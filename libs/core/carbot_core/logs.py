"""Logs: JSON lines on standard output, with ids and never with bodies, tokens or anything personal."""

import logging
import sys
import traceback
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict

from carbot_core.errors import Refusal

_encoder = msgspec.json.Encoder(enc_hook=str)
_NOISE = {"nats": logging.WARNING, "httpx": logging.WARNING, "httpcore": logging.WARNING, "asyncio": logging.WARNING}


def start(service: str, process: str) -> None:
    """Send every log line of this process, ours and the libraries', to standard output as JSON."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_fault,
            structlog.processors.JSONRenderer(serializer=_serialize),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service, process=process)
    logging.basicConfig(level=logging.INFO, handlers=[_Forward()], force=True)
    for name, level in _NOISE.items():
        logging.getLogger(name).setLevel(level)


def describe(fault: BaseException) -> dict[str, Any]:
    """Return the kind of an exception and where it arose; its text only if it is a refusal, for others may quote data."""
    chain: list[str] = []
    current: BaseException | None = fault
    while current is not None:
        code = f" {current.code()}" if isinstance(current, Refusal) else ""
        state = getattr(current, "sqlstate", None)
        chain.append(f"{type(current).__module__}.{type(current).__qualname__}{code}{f' {state}' if state else ''}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    frames = traceback.extract_tb(fault.__traceback__)
    return {"fault": chain, "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]}


def _name_fault(_logger: object, _method: str, event: EventDict) -> EventDict:
    fault = event.pop("fault", None)
    if isinstance(fault, BaseException):
        event.update(describe(fault))
    return event


def _serialize(event: EventDict, **_: Any) -> bytes:
    return _encoder.encode(event)


class _Forward(logging.Handler):
    """Hands a library's log records to structlog: the first line of the template, without its arguments; the rest may quote data."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        fault = record.exc_info[1] if record.exc_info else None
        log.log(
            record.levelno,
            str(record.msg).partition("\n")[0],
            logger=record.name,
            **({"fault": fault} if fault else {}),
        )
        if record.levelno >= logging.ERROR:
            sys.stdout.flush()
