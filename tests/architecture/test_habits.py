"""Habits that a linter does not know."""

import ast
import re
from typing import TypeGuard

from tests.architecture.source import APP, AROUND, ROOT, python_files, shown, tree_of

_CODE = python_files(*APP, *AROUND, "benchmarks")
_TEXTS = [
    *_CODE,
    *python_files("tests"),
    *(
        path
        for pattern in ("*.md", "docs/**/*.md", "schema/**/*.sql", "repositories/**/*.sql", "*.toml")
        for path in ROOT.glob(pattern)
    ),
]
_PICTURE = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f]")
_LEVELS = {"debug", "log", "info", "warning", "error", "exception", "critical"}


def test_no_text_holds_pictures() -> None:
    assert [shown(path) for path in _TEXTS if _PICTURE.search(path.read_text("utf-8"))] == []


def test_the_app_prints_nothing() -> None:
    printing = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files(*APP)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert printing == []


def test_a_module_begins_by_saying_what_it_is_for() -> None:
    assert [shown(path) for path in _CODE if not ast.get_docstring(tree_of(path))] == []


def test_a_log_line_is_lower_case_and_keeps_its_facts_in_extra() -> None:
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in _CODE
        for node in ast.walk(tree_of(path))
        if _is_log_call(node) and not all(map(_is_plain, _messages(node)))
    ]
    assert wrong == []


def _messages(call: ast.Call) -> list[ast.expr]:
    """What is logged: the first argument, or the second where the first is the level; both of an ``if``."""
    message = call.args[1 if isinstance(call.func, ast.Attribute) and call.func.attr == "log" else 0]
    return [message.body, message.orelse] if isinstance(message, ast.IfExp) else [message]


def _is_plain(message: ast.expr) -> bool:
    return (
        isinstance(message, ast.Constant)
        and isinstance(message.value, str)
        and message.value[0].islower()
        and "%" not in message.value
    )


def _is_log_call(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "_log"
    )
