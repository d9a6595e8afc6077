"""The project's own source files, and what stands in them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = (
    "bootstrap.py",
    "config.py",
    "controllers",
    "function_app.py",
    "interfaces",
    "orchestration",
    "parts.py",
    "registration.py",
    "repositories",
    "schema",
    "services",
    "triggers",
)
"""What is deployed."""

AROUND = ("client", "devhost", "tools")
"""What serves a laptop, and callers; held to the same standard."""


def python_files(*places: str) -> list[Path]:
    """The Python files at or below these places of the checkout."""
    found: list[Path] = []
    for place in places:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return found


def shown(path: Path) -> str:
    """The path as people write it, from the checkout's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), shown(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def strings(path: Path, but_in_calls_of: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
    """Line and text of every string but docstrings; of an f-string its fixed parts.

    ``but_in_calls_of``: names of functions whose arguments are left out.
    """
    left_out = set(_docstrings(tree_of(path)))
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in but_in_calls_of:
            left_out.update(below for argument in node.args for below in ast.walk(argument))
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node.lineno, node.value


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr):
                yield first.value


def imported_names(path: Path) -> Iterator[str]:
    """Dotted names of what a file imports: modules, and for ``from a import b`` also ``a.b``."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def file_of(module: str) -> Path | None:
    """The project's own file of a dotted name, if it has one."""
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def reached_from(module: str) -> set[Path]:
    """The project's own files that importing a module can load, lazily imported ones and packages too."""
    reached: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        parents = [".".join(name.split(".")[:count]) for count in range(1, name.count(".") + 2)]
        for path in filter(None, map(file_of, parents)):
            if path not in reached:
                reached.add(path)
                waiting += imported_names(path)
    return reached
