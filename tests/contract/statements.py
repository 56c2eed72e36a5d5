"""Every SQL statement of the product, found in its source, and which process uses it.

A statement is a string that begins like one. Which process uses it follows from who refers to whom: routes run in the api,
consumers, timers, jobs, announcements and commands in the worker; a function or class passes on what it refers to.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from carbot_local import layout

_BEGINS: Final = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s")
_API: Final = frozenset({"routers", "state"})
_WORKER: Final = frozenset({"consumers", "timers", "jobs", "announcers", "background", "commands"})
_BY_THE_OWNER: Final = ("carbot_core.migrate", "carbot_core.maintain")
_METHODS: Final = {"first": 1, "one": 1, "all": 1, "value": 1, "execute": 0}
"""The methods of Tx that take SQL, and at which place."""

type Name = tuple[str, str]
"""A module and what it defines."""


class Statement(msgspec.Struct, frozen=True):
    """A statement, with the definition that holds it."""

    sql: str
    module: str
    holder: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}.{self.holder}:{self.line}"


class Module:
    """A module's definitions, statements and references."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.tree = ast.parse(path.read_text("utf-8"))
        self.imports: dict[str, Name | str] = {}
        self.definitions: dict[str, ast.stmt] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._note_import(node)
        for statement in self.tree.body:
            for defined in _names(statement):
                self.definitions[defined] = statement

    def _note_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            target = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            known = alias.asname or alias.name.partition(".")[0]
            is_module = isinstance(node, ast.Import) or _is_module(target)
            self.imports[known] = target if is_module else (str(getattr(node, "module", "")), alias.name)

    def statements(self) -> Iterator[Statement]:
        for holder, definition in self.definitions.items():
            composed = {
                id(part) for node in ast.walk(definition) if isinstance(node, ast.JoinedStr) for part in node.values
            }
            for node in ast.walk(definition):
                if not isinstance(node, ast.Constant) or id(node) in composed:
                    continue
                if isinstance(node.value, str) and _BEGINS.match(node.value):
                    yield Statement(node.value, self.name, holder, node.lineno)

    def references(self, holder: str) -> Iterator[Name]:
        """Return what a definition refers to, leaving out annotations."""
        if holder not in self.definitions:
            return
        for node in ast.walk(_without_annotations(self.definitions[holder])):
            if isinstance(node, ast.Name) and node.id in self.definitions:
                yield self.name, node.id
            elif isinstance(node, ast.Name) and isinstance(found := self.imports.get(node.id), tuple):
                yield found
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = self.imports.get(node.value.id)
                if isinstance(module, str):
                    yield module, node.attr

    def unreadable(self) -> Iterator[str]:
        """Return the calls of Tx whose SQL is neither a literal, nor a name of one, nor a member, found where it is made."""
        for node in ast.walk(self.tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            place = _METHODS.get(node.func.attr)
            target = node.func.value
            if place is None or not (isinstance(target, ast.Name | ast.Attribute) and _last(target) in {"tx", "_tx"}):
                continue
            sql = node.args[place] if len(node.args) > place else None
            known = isinstance(sql, ast.Name) and sql.id in self.definitions
            if not (known or isinstance(sql, ast.Constant | ast.Attribute)):
                yield f"{self.name}:{node.lineno}"


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def _is_module(name: str) -> bool:
    return name.startswith("carbot_") and importlib.util.find_spec(name.rpartition(".")[0]) is not None and _found(name)


def _found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


class _Strip(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.copy_location(ast.arg(node.arg), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return ast.Expr(self.visit(node.value)) if node.value else ast.Pass()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _without_annotations(definition: ast.stmt) -> ast.AST:
    return _Strip().visit(ast.parse(ast.unparse(definition)))


def modules(service: str) -> dict[str, Module]:
    """Return the modules of a service and of core."""
    folders = {
        f"carbot_{service}": layout.REPOSITORY / f"services/{service}/carbot_{service}",
        "carbot_core": layout.REPOSITORY / "libs/core/carbot_core",
    }
    found: dict[str, Module] = {}
    for package, folder in folders.items():
        for path in sorted(folder.rglob("*.py")):
            name = ".".join((package, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
            found[name] = Module(name, path)
    return found


class Product:
    """A service with core, and who uses what."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.modules = modules(service)
        self._used = {
            process: self._reach(self._roots(process), {("carbot_core.processes", other)})
            for process, other in (("api", "worker"), ("worker", "api"))
        }

    def statements(self) -> list[Statement]:
        return [statement for module in self.modules.values() for statement in module.statements()]

    def processes(self, statement: Statement) -> set[str]:
        """Return who uses a statement: api, worker, or the owner."""
        if statement.module in _BY_THE_OWNER:
            return {"owner"}
        return {process for process, used in self._used.items() if (statement.module, statement.holder) in used}

    def unreadable(self) -> list[str]:
        return [place for module in self.modules.values() for place in module.unreadable()]

    def _roots(self, process: str) -> set[Name]:
        keywords = _API if process == "api" else _WORKER
        roots: set[Name] = {("carbot_core.processes", process)}
        if process == "worker":
            roots |= {("carbot_core.cli", name) for name in self.modules["carbot_core.cli"].definitions}
        app = self.modules[f"carbot_{self.service}.app"]
        for node in ast.walk(app.tree):
            if isinstance(node, ast.keyword) and node.arg in keywords:
                app.definitions[f"<{node.arg}>"] = ast.Expr(node.value)
                roots.add((app.name, f"<{node.arg}>"))
        return roots

    def _reach(self, roots: set[Name], closed: set[Name]) -> set[Name]:
        reached = set(closed)
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            reached.add(name)
            module = self.modules.get(name[0])
            if module is None:
                continue
            exported = module.imports.get(name[1])
            waiting += [exported] if isinstance(exported, tuple) else []
            waiting += module.references(name[1])
        return reached
