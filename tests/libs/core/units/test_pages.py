"""Cursors: opaque, bound to their query, and harmless when somebody makes one up."""

import base64
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbot_core.web.pages import InvalidCursor, Keyset


class Row(msgspec.Struct, frozen=True):
    created_at: datetime
    id: UUID
    name: str = ""


class Position(msgspec.Struct, frozen=True):
    created_at: datetime
    id: UUID


ROWS = [Row(datetime(2026, 7, day, tzinfo=UTC), uuid4()) for day in range(1, 6)]
BOUND = (uuid4(), "new", None)


def keyset(cursor: str | None = None, bound_to: tuple[object, ...] = BOUND, limit: int = 4) -> Keyset[Position]:
    return Keyset(Position, limit=limit, cursor=cursor, bound_to=bound_to)


def cursor() -> str:
    found = keyset().page(ROWS).next_cursor
    assert found is not None
    return found


class TestPage:
    def test_is_cut_where_the_next_begins(self) -> None:
        page = keyset().page(ROWS)
        assert (page.items, keyset().fetch) == (ROWS[:4], 5)
        after = keyset(page.next_cursor).after
        assert after == Position(ROWS[3].created_at, ROWS[3].id)

    @pytest.mark.parametrize("count", [0, 1, 4])
    def test_that_is_the_last_has_no_cursor(self, count: int) -> None:
        assert keyset().page(ROWS[:count]).next_cursor is None


class TestCursor:
    @pytest.mark.parametrize("bound_to", [(), (BOUND[0],), (uuid4(), "new", None), (BOUND[0], "lost", None)])
    def test_fits_its_own_query_alone(self, bound_to: tuple[object, ...]) -> None:
        with pytest.raises(InvalidCursor):
            keyset(cursor(), bound_to)

    def test_fits_its_own_position_alone(self) -> None:
        class Other(msgspec.Struct, frozen=True):
            name: str
            id: UUID

        with pytest.raises(InvalidCursor):
            Keyset(Other, limit=4, cursor=cursor(), bound_to=BOUND)

    def test_that_was_changed_is_refused(self) -> None:
        good = cursor()
        for index in range(len(good)):
            for letter in "A_9":
                changed = good[:index] + letter + good[index + 1 :]
                if changed != good:
                    with pytest.raises(InvalidCursor):
                        keyset(changed)

    @given(st.text(max_size=400) | st.binary(max_size=300).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
    def test_that_somebody_made_up_is_refused(self, made_up: str) -> None:
        with pytest.raises(InvalidCursor):
            keyset(made_up)

    @pytest.mark.parametrize(
        "values",
        [
            [],
            [1],
            [1, 2],
            [None, None],
            ["2026-07-01T00:00:00Z", "01890a5d-ac96-774b-bcce-b302099a8057", 1],
            ["yesterday", "01890a5d-ac96-774b-bcce-b302099a8057"],
            [{}, []],
            "text",
            {"created_at": 1},
            2**63,
        ],
        ids=str,
    )
    def test_of_the_right_seal_with_other_values_is_refused(self, values: object) -> None:
        with pytest.raises(InvalidCursor):
            keyset(keyset()._sealed(msgspec.msgpack.encode(values)))

    def test_of_the_right_seal_that_is_deep_is_refused(self) -> None:
        with pytest.raises(InvalidCursor):
            keyset(keyset()._sealed(b"\x91" * 5000))
