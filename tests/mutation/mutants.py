"""Every small fault that a module may have, one at a time: found on the syntax tree, made in the text."""

import ast
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final, override

import msgspec

from tests.mutation.sql import statement_faults

COMPARISONS: Final[dict[type[ast.cmpop], tuple[str, str]]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_OPPOSITES: Final = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq, ast.In, ast.NotIn)
"""Swapped, these are their own negation."""
_INERT_OF_CLASS: Final = {"frozen", "kw_only"}
"""They bind who writes the code, and the type checker sees to them."""
_INERT: Final = {"reason", "cause", "sqlstate", "constraint", "description", "examples"}
"""What is written into the log or the documentation."""
_TOLD: Final = {"headers", "errors", "public"}
"""Of a refusal's arguments those that reach the caller; the others are for the log."""


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """A module with one fault; `was` and `becomes` are the first line that changes."""

    module: str
    function: str
    operator: str
    line: int
    was: str
    becomes: str
    source: str


class _Finder(ast.NodeVisitor):
    def __init__(self, module: str, source: str) -> None:
        self.found: dict[str, Mutant] = {}
        self._module = module
        self._text = source.encode()
        self._lines = [0]
        for line in self._text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._scope: list[str] = []
        self._returns_truth = False
        self._in_format = False

    def _span(self, node: Any) -> tuple[int, int]:
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text_of(self, start: int, end: int) -> str:
        return self._text[start:end].decode()

    def _add(self, operator: str, start: int, end: int, replacement: str) -> None:
        source = (self._text[:start] + replacement.encode() + self._text[end:]).decode()
        try:
            compile(source, self._module, "exec")
        except SyntaxError:
            return
        line = self._text.count(b"\n", 0, start)
        was, becomes = (text.splitlines()[line].partition("  # ")[0].strip() for text in (self._text.decode(), source))
        function = ".".join(self._scope) or "module"
        self.found[source] = Mutant(
            module=self._module,
            function=function,
            operator=operator,
            line=line + 1,
            was=was,
            becomes=becomes,
            source=source,
        )

    @contextmanager
    def _within(self, name: str) -> Generator[None]:
        self._scope.append(name)
        yield
        self._scope.pop()

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer = self._returns_truth
        self._returns_truth = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
        with self._within(node.name):
            self.generic_visit(node)
        self._returns_truth = outer

    @override
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    @override
    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    @override
    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        with self._within(node.name):
            for part in (*node.body, *(each.value for each in node.keywords if each.arg not in _INERT_OF_CLASS)):
                self.visit(part)

    @override
    def visit_Compare(self, node: ast.Compare) -> None:
        for operator, (left, right) in zip(node.ops, pairwise([node.left, *node.comparators]), strict=True):
            start, end = self._span(left)[1], self._span(right)[0]
            old, new = COMPARISONS[type(operator)]
            between = re.sub(old.replace(" ", r"\s+"), new, self._text_of(start, end), count=1)
            self._add("comparison", start, end, between)
        self.generic_visit(node)

    @override
    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        (start, end), swapped = self._span(node), ""
        at = start
        for left, right in pairwise(node.values):
            left_end, right_start = self._span(left)[1], self._span(right)[0]
            swapped += self._text_of(at, left_end)
            swapped += re.sub(rf"\b{old}\b", new, self._text_of(left_end, right_start), count=1)
            at = right_start
        self._add("and for or" if new == "and" else "or for and", start, end, f"({swapped}{self._text_of(at, end)})")
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        start, end = self._span(test)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self._add("negation", start, end, self._text_of(start, end).removeprefix("not "))
        elif not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], _OPPOSITES)):
            self._add("negation", start, end, f"(not ({self._text_of(start, end)}))")

    @override
    def visit_If(self, node: ast.If) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    @override
    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    @override
    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self._negate(node.test)
            self.generic_visit(node)
            return
        for statement in node.body:
            self.visit(statement)

    @override
    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    @override
    def visit_Constant(self, node: ast.Constant) -> None:
        start, end = self._span(node)
        if isinstance(node.value, bool):
            self._add("constant", start, end, str(not node.value))
        elif isinstance(node.value, int) or (isinstance(node.value, float) and self._scope):
            self._add("constant", start, end, repr(node.value + 1))
        elif isinstance(node.value, str) and not self._in_format:
            self._visit_statement_text(start, end)

    @override
    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._visit_statement_text(*self._span(node))
        self._in_format = True
        self.generic_visit(node)
        self._in_format = False

    def _visit_statement_text(self, start: int, end: int) -> None:
        for operator, first, last, replacement in statement_faults(self._text_of(start, end)):
            text = self._text_of(start, end)
            before, after = len(text[:first].encode()), len(text[:last].encode())
            self._add(operator, start + before, start + after, replacement)

    @override
    def visit_Call(self, node: ast.Call) -> None:
        if _is_watched_only(node):
            return
        for each in node.keywords:
            if each.arg is not None and each.arg not in _INERT:
                self._remove_argument(each)
        self.visit(node.func)
        for part in (*node.args, *(each.value for each in node.keywords if each.arg not in _INERT)):
            self.visit(part)

    def _remove_argument(self, node: ast.keyword) -> None:
        start, end = self._span(node)
        if following := re.match(rb"\s*,[ ]*", self._text[end:]):
            self._add("argument", start, end + following.end(), "")
        else:
            preceding = re.search(rb",?\s*$", self._text[:start])
            self._add("argument", preceding.start() if preceding else start, end, "")

    @override
    def visit_Expr(self, node: ast.Expr) -> None:
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call) and not _is_watched_only(call):
            self._add("statement", *self._span(node), "pass")
            self.generic_visit(node)

    @override
    def visit_Assign(self, node: ast.Assign) -> None:
        targets = [part for each in node.targets for part in (each.elts if isinstance(each, ast.Tuple) else [each])]
        if all(isinstance(each, ast.Attribute | ast.Subscript) for each in targets) and "__init__" not in self._scope:
            self._add("statement", *self._span(node), "pass")
        self.generic_visit(node)

    @override
    def visit_Raise(self, node: ast.Raise) -> None:
        self._add("raise", *self._span(node), "pass")
        if isinstance(node.exc, ast.Call):
            for each in node.exc.keywords:
                if each.arg in _TOLD:
                    self._remove_argument(each)
                    self.visit(each.value)
        elif node.exc is not None:
            self.visit(node.exc)

    @override
    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            return
        if not isinstance(node.value, ast.Constant):
            self._add("return", *self._span(node.value), "False" if self._returns_truth else "None")
        self.visit(node.value)


def _is_watched_only(node: ast.Call) -> bool:
    """Tell whether a call logs or counts: what operators look at, no test compares word by word."""
    name = ast.unparse(node.func)
    return name.startswith("log.") or bool(re.fullmatch(r"telemetry\.\w+\.(add|set|record)", name))


def mutants_of(module: str, source: str) -> Sequence[Mutant]:
    """Return the module with each of its possible faults, in the order of its lines."""
    finder = _Finder(module, source)
    finder.visit(ast.parse(source))
    return sorted(finder.found.values(), key=lambda mutant: mutant.line)
