"""Request bodies, decoded strictly from their bytes: an unknown field, a wrong type or a bad value is 422 with its place.

Runs before the dependencies, so that an invalid body never opens a transaction.
"""

import json
import re
from collections.abc import Generator
from typing import Any, ClassVar, override

import msgspec
from litestar.datastructures import Headers
from litestar.dto import AbstractDTO
from litestar.dto.data_structures import DTOFieldDefinition
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from carbot_core.errors import FieldError, Invalid, Refusal, explain

_PLACE = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_JSON = re.compile(r'\s*application/json\s*(;\s*(charset="?utf-?8"?\s*)?)?', re.IGNORECASE)
_STEP = re.compile(r"\.([^.\[\]]+)|\[([^\]]*)\]")
_FIELD = re.compile(r"^Object (?:contains unknown|missing required) field `(?P<field>.*)`$", re.DOTALL)


class MalformedBody(Refusal):
    """The body is not JSON: check its encoding and its brackets."""

    status = 400


class UnsupportedMediaType(Refusal):
    """Send the body as application/json, in UTF-8 and not compressed."""

    status = 415


class InvalidBody(Invalid):
    """A field of the body is not valid: see errors."""


def field_error(error: msgspec.ValidationError) -> FieldError:
    """Return the JSON pointer (RFC 6901) and the sentence of msgspec's first finding."""
    match = _PLACE.match(str(error))
    message, path = (match["message"], match["path"]) if match else (str(error), None)
    pointer = "".join("/" + (name or index) for name, index in _STEP.findall(path or "$"))
    if field := _FIELD.match(message):
        pointer += "/" + field["field"].replace("~", "~0").replace("/", "~1")
    return FieldError(pointer, explain(message))


def _refuse_repeated(body: bytes) -> None:
    """Raise InvalidBody if an object has a member twice: whoever reads the first and whoever reads the last would disagree."""

    def read(members: list[tuple[str, None]]) -> None:
        if len({name for name, _ in members}) < len(members):
            raise InvalidBody(errors=(FieldError("", "An object has a field twice"),))

    # The texts of numbers, for a number may be longer than Python makes an integer of.
    json.loads(body, object_pairs_hook=read, parse_int=str, parse_float=str)


class StrictBody(AbstractDTO[Any]):
    """Decodes a body with msgspec's own strict decoder and describes it by its exact schema."""

    _decoders: ClassVar[dict[str, msgspec.json.Decoder[Any]]] = {}

    @classmethod
    @override
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        cls._decoders[handler_id] = msgspec.json.Decoder(field_definition.raw)

    @classmethod
    @override
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        return schema_creator.for_field_definition(field_definition)

    @classmethod
    @override
    def is_supported_model_type_field(cls, field_definition: FieldDefinition) -> bool:
        return True

    @classmethod
    @override
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        return False

    @classmethod
    @override
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition]:
        yield from ()

    @override
    def decode_bytes(self, value: bytes) -> Any:
        connection = self.asgi_connection
        if not _is_plain_json(connection.headers):
            raise UnsupportedMediaType
        try:
            decoded = self._decoders[connection.route_handler.handler_id].decode(value)
            _refuse_repeated(value)
        except msgspec.ValidationError as error:
            raise InvalidBody(errors=(field_error(error),)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise MalformedBody from None
        return decoded


def _is_plain_json(headers: Headers) -> bool:
    types = headers.getall("content-type", [])
    return len(types) == 1 and _JSON.fullmatch(types[0]) is not None and "content-encoding" not in headers
