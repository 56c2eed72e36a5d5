"""Requests that Schemathesis makes of an operation's document: what it admits, and what it does not."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import schemathesis
from hostile import Known, Sent
from hypothesis import strategies as st
from interface import Operation, ids_in_body, ids_in_query
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

_BASE: Final = "http://service"


def sent(operation: Operation, described: APIOperation[Any, Any, Any, Any], known: Known) -> st.SearchStrategy[Sent]:
    """Return the requests of an operation: of the document and against it, as often each."""
    admitted, refused = (described.as_strategy(generation_mode=mode) for mode in GenerationMode)
    of_document = [
        st.builds(_of_document, strategy, st.just(operation), st.just(known), st.sampled_from(is_known))
        for strategy, is_known in ((admitted, (True, True, False)), (refused, (True, False)))
    ]
    return st.one_of(*of_document)


def _of_document(case: Case[Any], operation: Operation, known: Known, is_known: bool) -> Sent:
    """Return what Schemathesis made; where `is_known`, with ids and entity tags of what is there."""
    if is_known and isinstance(case.body, dict):
        replaced = {name: known.ids[name] for name in ids_in_body(operation) if name in case.body}
        case.body = {**case.body, **{n: [v] if isinstance(case.body[n], list) else v for n, v in replaced.items()}}
    if is_known:
        case.query = {**case.query, **{n: known.ids[n] for n in ids_in_query(operation) if n in case.query}}
    prepared = requests.Request(**case.as_transport_kwargs(base_url=_BASE)).prepare()
    url = urlsplit(str(prepared.url))
    path = known.path if is_known else url.path
    headers = {_bytes(name).lower(): _bytes(value) for name, value in prepared.headers.items()}
    headers |= known.headers if is_known else {}
    body = prepared.body if isinstance(prepared.body, bytes) else str(prepared.body or "").encode()
    return Sent(
        operation.method, f"{path}?{url.query}" if url.query else path, _without(headers, b"authorization"), body
    )


def _without(headers: Mapping[bytes, bytes], *names: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name, value) for name, value in headers.items() if name not in {*names, b"content-length"})


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1", "replace")


def described(document: dict[str, Any]) -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """Return Schemathesis' view of a document, by operation id."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.generation.update(with_security_parameters=False)
    found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    return {each.definition.raw["operationId"]: each for each in found}
