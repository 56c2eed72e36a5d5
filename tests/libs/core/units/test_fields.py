"""Field types admit what can be stored, and nothing else."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbot_core.fields import (
    Email,
    HttpAddress,
    InvalidPhone,
    Line,
    Money,
    Phone,
    SmallCount,
    Text,
    normalize_email,
    normalize_phone,
)

CONTROLS = [chr(code) for code in (*range(32), 127)]


def admits(kind: Any, value: object) -> bool:
    try:
        msgspec.json.decode(json.dumps(value), type=kind)
    except msgspec.ValidationError:
        return False
    return True


class TestText:
    @pytest.mark.parametrize("control", CONTROLS, ids=repr)
    def test_admits_no_control_characters(self, control: str) -> None:
        for text in (f"a{control}b", f"a{control}", f"{control}a"):
            assert not admits(Line, text)
            assert admits(Text, text) == (control in "\t\n\r" and control != "\x0b")
            assert not admits(HttpAddress, f"https://a.example/{text}")
            assert not admits(Email, f"{text}@example.org")

    @pytest.mark.parametrize("text", ["", " ", "   ", "a" * 201])
    def test_of_one_line_has_something_to_read(self, text: str) -> None:
        assert not admits(Line, text)

    @pytest.mark.parametrize("text", ["Ayşe Yılmaz", "Łukasz", "𝔘𝔫𝔦", "a" * 200, "  a", "李"])
    def test_of_one_line_is_anybody_s_name(self, text: str) -> None:
        assert admits(Line, text)

    @given(st.text(min_size=1, max_size=300))
    def test_that_is_admitted_can_be_stored(self, text: str) -> None:
        if admits(Line, text) or admits(Text, text):
            assert "\x00" not in text
            text.encode()

    @pytest.mark.parametrize(
        ("kind", "longest"),
        [
            (Line, "a" * 200),
            (Text, "a" * 4000),
            (Email, f"a@{'b' * 252}"),
            (Phone, "0" * 40),
            (HttpAddress, f"https://{'a' * 1992}"),
        ],
        ids=["Line", "Text", "Email", "Phone", "HttpAddress"],
    )
    def test_is_as_long_as_it_may_be(self, kind: Any, longest: str) -> None:
        assert admits(kind, longest)
        assert not admits(kind, longest + longest[-1])
        assert not admits(kind, "")

    def test_is_as_short_as_it_may_be(self) -> None:
        for kind in (Line, Text):
            assert admits(kind, "a")
        assert admits(Phone, "110")
        assert not admits(Phone, "11")


class TestCount:
    @pytest.mark.parametrize(("value", "admitted"), [(-1, False), (0, True), (10**6, True), (10**6 + 1, False)])
    def test_is_small(self, value: int, admitted: bool) -> None:
        assert admits(SmallCount, value) == admitted


class TestEmail:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "a",
            "@",
            "a@",
            "@a",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@b\n",
            f"{'a' * 65}@b",
            f"a@{'b' * 253}",
            "a@b\u0000",
        ],
    )
    def test_of_another_form_is_refused(self, text: str) -> None:
        assert not admits(Email, text)

    @pytest.mark.parametrize("text", ["a@b", "müller@straße.example", f"{'a' * 64}@b", "a.b+c@d.e.example"])
    def test_of_its_form_is_admitted(self, text: str) -> None:
        assert admits(Email, text)

    @given(st.emails())
    def test_is_stored_in_one_form(self, text: str) -> None:
        assert normalize_email(normalize_email(f" {text} ")) == normalize_email(text)


class TestPhone:
    @pytest.mark.parametrize(
        ("text", "stored"),
        [
            ("030 901820", "+4930901820"),
            ("+49 (0)30 90 18 20", "+4930901820"),
            ("0049 30 901820", "+4930901820"),
            ("0176/1234567", "+491761234567"),
            ("+90 212 555 1234", "+902125551234"),
            ("+1 650-253-0000", "+16502530000"),
        ],
    )
    def test_is_stored_in_one_form(self, text: str, stored: str) -> None:
        assert admits(Phone, text)
        assert normalize_phone(text) == stored
        assert normalize_phone(stored, region="AT") == stored

    @pytest.mark.parametrize("text", ["+++", "1", "+999 123456", "0" * 40, "+49", "(  )", "000 0000"])
    def test_that_nobody_can_call_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidPhone) as caught:
            normalize_phone(text, pointer="/contact/phone")
        assert caught.value.errors[0].pointer == "/contact/phone"

    @given(st.text("0123456789+()/ .-", min_size=3, max_size=40))
    def test_is_e164_or_refused(self, text: str) -> None:
        try:
            stored = normalize_phone(text)
        except InvalidPhone:
            return
        assert re.fullmatch(r"\+[1-9][0-9]{2,17}", stored)
        assert normalize_phone(stored) == stored


class TestMoney:
    @pytest.mark.parametrize(
        "value",
        [
            {"amount": -1},
            {"amount": 10**12 + 1},
            {"amount": 1.5},
            {"amount": "1"},
            {"amount": True},
            {"amount": 1, "currency": "USD"},
            {"amount": 1, "currency": "EUR\n"},
            {"amount": 1, "tax": 1},
            {},
        ],
        ids=str,
    )
    def test_of_another_form_is_refused(self, value: object) -> None:
        assert not admits(Money, value)

    @pytest.mark.parametrize("amount", [0, 1, 10**12])
    def test_is_of_its_form(self, amount: int) -> None:
        assert msgspec.json.decode(f'{{"amount": {amount}}}', type=Money) == Money(amount, "EUR")
