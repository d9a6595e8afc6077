"""The comparison of the database's law with the code's."""

from collections.abc import Mapping, Sequence

import pytest

from interfaces.inspection import DatabaseLaw
from orchestration.diagnosing import CODE_ENUMS, EnumDiagnostic
from schema.api import EnumDiagnosis
from schema.states import TRANSITIONS

LAW = frozenset(tuple(move) for move in TRANSITIONS)


class StubInspection:
    def __init__(self, law: DatabaseLaw) -> None:
        self._law = law

    def law(self) -> DatabaseLaw:
        return self._law


def diagnosis(
    enums: Mapping[str, Sequence[str]] = CODE_ENUMS,
    transitions: frozenset[tuple[str, str, str, str]] = LAW,
) -> EnumDiagnosis:
    return EnumDiagnostic(StubInspection(DatabaseLaw(enums, transitions)))()  # type: ignore[arg-type]


def test_equal_laws_have_no_differences() -> None:
    found = diagnosis()
    assert found.ok
    assert not found.differences
    assert found.transitions.database == found.transitions.code == len(TRANSITIONS)


@pytest.mark.parametrize(
    ("enums", "difference"),
    [
        ({"outbox_kind": None}, "the database has no enum outbox_kind"),
        ({"colour": ("red",)}, "the code has no enum colour"),
        ({"outbox_kind": ("job",)}, "outbox_kind: only the code has ['task'], only the database has []"),
        (
            {"outbox_kind": ("job", "mail", "task")},
            "outbox_kind: only the code has [], only the database has ['mail']",
        ),
        ({"outbox_kind": ("task", "job")}, "the labels of outbox_kind stand in another order"),
    ],
)
def test_a_different_enum_is_told(enums: dict[str, Sequence[str] | None], difference: str) -> None:
    changed = {name: labels for name, labels in {**CODE_ENUMS, **enums}.items() if labels is not None}
    found = diagnosis(enums=changed)
    assert not found.ok
    assert list(found.differences) == [difference]


def test_a_move_of_only_one_side_is_told() -> None:
    dropped = ("job", "queued", "started", "processing")
    found = diagnosis(transitions=LAW - {dropped} | {("task", "completed", "regretted", "failed")})
    assert list(found.transitions.only_in_code) == ["job: queued -> processing by started"]
    assert list(found.transitions.only_in_database) == ["task: completed -> failed by regretted"]
    assert len(found.differences) == 2
