"""Compares the database's enums and table of transitions with the code's."""

from collections.abc import Mapping, Sequence

from interfaces.inspection import InspectionRepository
from schema.api import EnumComparison, EnumDiagnosis, TransitionComparison
from schema.callbacks import CallbackForm, CallbackNotify, CallbackState
from schema.records import OutboxKind
from schema.states import TRANSITIONS, JobStatus, StageStatus, TaskStatus

CODE_ENUMS: Mapping[str, tuple[str, ...]] = {
    "callback_form": tuple(CallbackForm),
    "callback_notify": tuple(CallbackNotify),
    "callback_state": tuple(CallbackState),
    "job_status": tuple(JobStatus),
    "outbox_kind": tuple(OutboxKind),
    "stage_status": tuple(StageStatus),
    "task_status": tuple(TaskStatus),
}


class EnumDiagnostic:
    """Reads only."""

    def __init__(self, inspection: InspectionRepository) -> None:
        self._inspection = inspection

    def __call__(self) -> EnumDiagnosis:
        law = self._inspection.law()
        enums = [
            _compared(name, law.enums.get(name), CODE_ENUMS.get(name))
            for name in sorted({*law.enums, *CODE_ENUMS})
        ]
        code = frozenset(TRANSITIONS)
        only_in_database = _written(law.transitions - code)
        only_in_code = _written(code - law.transitions)
        differences = [
            *(_difference(enum) for enum in enums if not enum.equal),
            *(f"only the database allows: {move}" for move in only_in_database),
            *(f"only the code allows: {move}" for move in only_in_code),
        ]
        return EnumDiagnosis(
            ok=not differences,
            enums=enums,
            transitions=TransitionComparison(
                database=len(law.transitions),
                code=len(code),
                only_in_database=only_in_database,
                only_in_code=only_in_code,
            ),
            differences=differences,
        )


def _compared(name: str, database: Sequence[str] | None, code: tuple[str, ...] | None) -> EnumComparison:
    equal = database is not None and code is not None and list(database) == list(code)
    return EnumComparison(name=name, database=database, code=code, equal=equal)


def _difference(enum: EnumComparison) -> str:
    if enum.database is None:
        return f"the database has no enum {enum.name}"
    if enum.code is None:
        return f"the code has no enum {enum.name}"
    missing = sorted(set(enum.code) - set(enum.database))
    extra = sorted(set(enum.database) - set(enum.code))
    if not missing and not extra:
        return f"the labels of {enum.name} stand in another order"
    return f"{enum.name}: only the code has {missing}, only the database has {extra}"


def _written(moves: frozenset[tuple[str, str, str, str]]) -> list[str]:
    return sorted(f"{entity}: {old} -> {new} by {event}" for entity, old, event, new in moves)
