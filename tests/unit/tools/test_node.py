import shutil

import pytest

from tools import node
from tools.report import ToolError


def test_nothing_is_needed_where_node_and_npm_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")

    assert node.need() is None


def test_only_what_is_absent_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/node" if name == "node" else None)

    need = node.need()

    assert need is not None
    assert need.names == ("npm",)


def test_a_node_that_is_too_old_is_refused_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/opt/node")
    monkeypatch.setattr(node, "run", lambda *_, **__: "v16.20.1\n")

    with pytest.raises(ToolError, match=r"Node 18 or newer is needed, /opt/node is v16\.20\.1"):
        node.node()


def test_an_absent_node_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(ToolError, match="node is not on PATH"):
        node.node()
