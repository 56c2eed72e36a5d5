"""Faults of SQL in a literal: what a statement loses, and what it compares otherwise."""

import re
from collections.abc import Iterator
from typing import Final

_STATEMENT: Final = re.compile(r'f?"+\s*(SELECT|INSERT|UPDATE|DELETE|BEGIN|WITH|set_config)\b')
_END_OF_CONDITION: Final = re.compile(
    r'\s*(?:\b(?:AND|OR|LIMIT|ORDER BY|OFFSET|RETURNING|GROUP BY|WHERE|JOIN|LEFT JOIN)\b|"|$)|\n'
)
_SIMPLE: Final = (
    ("lost ON CONFLICT", re.compile(r'ON CONFLICT.*?(?=RETURNING|"""|"$)', re.DOTALL), ""),
    ("conflict ignored", re.compile(r'DO UPDATE\s+SET.*?(?=WHERE|RETURNING|"""|"$)', re.DOTALL), "DO NOTHING "),
    ("lost FOR UPDATE", re.compile(r"FOR (?:NO KEY )?UPDATE(?: OF \w+)?(?: SKIP LOCKED| NOWAIT)?"), ""),
    ("lost ORDER BY", re.compile(r'ORDER BY [^\n")]*?(?=\s+LIMIT|\n|"|\))'), ""),
    ("not only here", re.compile(r"(?<=, )true(?=\))"), "false"),
    ("comparison", re.compile(r"(?<= )<(?= )"), "<="),
    ("comparison", re.compile(r"(?<= )<=(?= )"), "<"),
    ("comparison", re.compile(r"(?<= )>(?= )"), ">="),
    ("comparison", re.compile(r"(?<= )>=(?= )"), ">"),
    ("comparison", re.compile(r"IS NULL"), "IS NOT NULL"),
    ("comparison", re.compile(r"IS NOT NULL"), "IS NULL"),
    ("lesser for greater", re.compile(r"GREATEST"), "LEAST"),
    ("fewer at once", re.compile(r"(?<=LIMIT )\d+"), "1"),
)


def statement_faults(literal: str) -> Iterator[tuple[str, int, int, str]]:
    """Yield the faults of an SQL literal, quotes and all: operator, start, end, replacement; of any other literal none."""
    if not _STATEMENT.match(literal):
        return
    for operator, pattern, replacement in _SIMPLE:
        for found in pattern.finditer(literal):
            yield operator, found.start(), found.end(), replacement
    yield from _lost_conditions(literal)


def _lost_conditions(literal: str) -> Iterator[tuple[str, int, int, str]]:
    for found in re.finditer(r"\b(AND|WHERE|ON)\s+(?!CONFLICT)", literal):
        if re.search(r"BETWEEN\s+\S+\s+$", literal[: found.start()]):
            continue
        end = _end_of_condition(literal, found.end())
        if found[1] == "AND":
            yield "lost condition", found.start(), end, ""
        elif following := re.compile(r"\s+AND\s+").match(literal, end):
            yield "lost condition", found.end(), following.end(), ""
        elif found[1] == "WHERE":
            yield "lost condition", found.start(), end, ""


def _end_of_condition(literal: str, start: int) -> int:
    """Return where a condition ends: at the next of its own depth, or with the clause."""
    depth, between, passed = 0, False, start
    for at in range(start, len(literal)):
        if at < passed:
            continue
        if literal[at] == "(":
            depth += 1
        elif literal[at] == ")":
            depth -= 1
        if depth < 0:
            return at
        between = between or literal.startswith("BETWEEN", at)
        if depth == 0 and (found := _END_OF_CONDITION.match(literal, at)):
            if between and "AND" in found[0]:
                between, passed = False, at + len(found[0])
                continue
            return at
    return len(literal)
