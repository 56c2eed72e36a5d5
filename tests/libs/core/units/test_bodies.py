"""Where a body is wrong: JSON pointers (RFC 6901) made of msgspec's messages."""

from typing import Annotated

import msgspec
import pytest

from carbot_core.web.body import field_error


class Line(msgspec.Struct, forbid_unknown_fields=True):
    sku: Annotated[str, msgspec.Meta(pattern="^[A-Z]+$")]
    count: Annotated[int, msgspec.Meta(ge=1)] = 1


class Order(msgspec.Struct, forbid_unknown_fields=True):
    lines: list[Line]
    prices: dict[str, int] = {}
    line: Line | None = None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"lines":[{"sku":"A"},{"sku":"b"}]}', "/lines/1/sku"),
        ('{"lines":[{"sku":"A","count":0}]}', "/lines/0/count"),
        ('{"lines":[{}]}', "/lines/0/sku"),
        ('{"lines":[{"sku":"A","color":1}]}', "/lines/0/color"),
        ('{"lines":[],"a/b~c":1}', "/a~1b~0c"),
        ('{"lines":[],"":1}', "/"),
        ('{"lines":[],"line":{"sku":1}}', "/line/sku"),
        ('{"lines":[],"prices":{"a":"x"}}', "/prices/..."),
        ('{"lines":1}', "/lines"),
        ("{}", "/lines"),
        ("[]", ""),
        ("null", ""),
    ],
)
def test_pointer_leads_to_the_place(body: str, pointer: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(body, type=Order)
    found = field_error(caught.value)
    assert found.pointer == pointer
    assert found.message


def test_message_shows_no_pattern() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode('{"lines":[{"sku":"b"}]}', type=Order)
    assert field_error(caught.value).message == "Has not the form that is expected, see the schema"
