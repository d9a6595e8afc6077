"""The id that OGC API - Processes gives a job: the job's own, and behind it how its results are wanted.

Who executes a process says in which form the results are wanted, and which of them. The same inputs are the
same job for everybody, so that is no fact of the job: it travels in the id that its caller is given, as in
``<64 hex digits>.document.replies.greetings-ref``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from schema.errors import InvalidIdentifierError, JobNotFoundError
from schema.identity import checked_job_id
from schema.ogc import ResponseForm, TransmissionMode

_ANY_FORM = "any"
_BY_REFERENCE = "-ref"
_OUTPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_SHOWN = 100


@dataclass(frozen=True)
class WantedOutput:
    name: str
    mode: TransmissionMode = TransmissionMode.VALUE


@dataclass(frozen=True)
class JobReference:
    """``form`` is ``None`` where the server may choose; no ``outputs`` are all of them, by value."""

    job_id: str
    form: ResponseForm | None = None
    outputs: tuple[WantedOutput, ...] = ()

    def __str__(self) -> str:
        wanted = wanted_text(self.form, self.outputs)
        return f"{self.job_id}.{wanted}" if wanted else self.job_id

    def only(self, output: str) -> "JobReference":
        """To one output by value, and nothing around it."""
        return replace(self, form=ResponseForm.RAW, outputs=(WantedOutput(output),))

    @classmethod
    def of(cls, job_id: str, wanted: str) -> "JobReference":
        """To the job, with what ``wanted_text`` has written."""
        return cls.parse(f"{job_id}.{wanted}" if wanted else job_id)

    @classmethod
    def parse(cls, text: str) -> "JobReference":
        """Raises ``JobNotFoundError`` for what is no such id: there is no such job."""
        job_id, *rest = text.split(".")
        form, *names = rest or [_ANY_FORM]
        try:
            return cls(checked_job_id(job_id), _form(form), _outputs(names))
        except (InvalidIdentifierError, ValueError):
            raise JobNotFoundError(text[:_SHOWN]) from None


def wanted_text(form: ResponseForm | None, outputs: Sequence[WantedOutput]) -> str:
    """What stands behind the job's own id; nothing where nothing is asked for."""
    if form is None and not outputs:
        return ""
    names = (
        f"{output.name}{_BY_REFERENCE if output.mode is TransmissionMode.REFERENCE else ''}"
        for output in outputs
    )
    return ".".join((form or _ANY_FORM, *names))


def is_output_name(text: str) -> bool:
    """Whether an output may be called so: it stands between dots."""
    return _OUTPUT.fullmatch(text) is not None


def _form(text: str) -> ResponseForm | None:
    return None if text == _ANY_FORM else ResponseForm(text)


def _outputs(names: Sequence[str]) -> tuple[WantedOutput, ...]:
    if len(set(names)) < len(names):
        raise ValueError("an output is named twice")
    return tuple(map(_output, names))


def _output(text: str) -> WantedOutput:
    name = text.removesuffix(_BY_REFERENCE)
    if not is_output_name(name):
        raise ValueError("no name of an output")
    return WantedOutput(name, TransmissionMode.VALUE if name == text else TransmissionMode.REFERENCE)
