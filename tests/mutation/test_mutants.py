"""The faults that are planted are what they are meant to be, and the list of survivors fits the code."""

import pytest

from tests.mutation.__main__ import all_mutants
from tests.mutation.excused import read_excuses, stale
from tests.mutation.mutants import mutants_of

SQL = '''
async def find(tx):
    await tx.first("""
        SELECT a, set_config('b', $1, true) FROM t JOIN u ON u.a = t.a AND u.b = t.b
        WHERE (a = $1 OR b < $2) AND c BETWEEN $3 AND $4 AND d IS NULL
        ORDER BY a
        FOR UPDATE SKIP LOCKED
    """)
    await tx.execute("INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING")
'''


def lines(source: str) -> set[tuple[str, str]]:
    return {(mutant.operator, mutant.becomes) for mutant in mutants_of("m.py", source)}


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("def f(a, b):\n    return a < b", {("comparison", "return a <= b"), ("return", "return None")}),
        ("def f(a) -> bool:\n    return a.b(c=a)", {("return", "return False"), ("argument", "return a.b()")}),
        ("def f(a, b):\n    a.b = a and b", {("or for and", "a.b = (a or b)"), ("statement", "pass")}),
        (
            "def f(a):\n    if not a:\n        raise E(reason=a, headers=a)",
            {("negation", "if a:"), ("raise", "pass"), ("argument", "raise E(reason=a)")},
        ),
        (
            "def f(a):\n    x = a if a in {1} else True",
            {
                ("comparison", "x = a if a not in {1} else True"),
                ("constant", "x = a if a in {2} else True"),
                ("constant", "x = a if a in {1} else False"),
            },
        ),
        ('log.info("a", b=1)\nSECONDS = 2.0\nclass A(B, frozen=True): ...', set()),
    ],
)
def test_code_is_wrong_in_every_way(source: str, faults: set[tuple[str, str]]) -> None:
    assert lines(source) == faults


def test_sql_is_wrong_in_every_way() -> None:
    found = lines(SQL)
    assert {
        ("not only here", "SELECT a, set_config('b', $1, false) FROM t JOIN u ON u.a = t.a AND u.b = t.b"),
        ("lost condition", "SELECT a, set_config('b', $1, true) FROM t JOIN u ON u.b = t.b"),
        ("lost condition", "SELECT a, set_config('b', $1, true) FROM t JOIN u ON u.a = t.a"),
        ("comparison", "WHERE (a = $1 OR b <= $2) AND c BETWEEN $3 AND $4 AND d IS NULL"),
        ("comparison", "WHERE (a = $1 OR b < $2) AND c BETWEEN $3 AND $4 AND d IS NOT NULL"),
        ("lost condition", "WHERE c BETWEEN $3 AND $4 AND d IS NULL"),
        ("lost condition", "WHERE (a = $1 OR b < $2)  AND d IS NULL"),
        ("lost condition", "WHERE (a = $1 OR b < $2) AND c BETWEEN $3 AND $4"),
        ("lost ORDER BY", ""),
        ("lost FOR UPDATE", ""),
        ("lost ON CONFLICT", 'await tx.execute("INSERT INTO t (a) VALUES ($1) ")'),
        ("statement", "pass"),
    } == found


def test_every_survivor_that_is_excused_is_there() -> None:
    assert stale(read_excuses(), all_mutants()) == []
