"""Ids that follow from what they name: the same request is the same job, the same work the same task."""

import hashlib
import re

from schema.errors import InvalidIdentifierError
from schema.json_types import JSONObject, canonical_json

JOB_ID_PATTERN = re.compile(r"[0-9a-f]{64}")
TASK_ID_PATTERN = re.compile(r"[0-9a-f]{8}-r[0-9]{1,9}-s[0-9]{1,4}-[A-Za-z0-9_.]{0,40}-[0-9a-f]{32}")

_NOT_LEGIBLE = re.compile(r"[^A-Za-z0-9_.]+")


def job_id_of(job_type: str, parameters: JSONObject) -> str:
    """SHA-256 (64 hex digits) over the canonical JSON of the type and its validated parameters."""
    text = canonical_json({"job_type": job_type, "parameters": parameters})
    return hashlib.sha256(text.encode()).hexdigest()


def task_id_of(job_id: str, run: int, stage: int, index: str) -> str:
    """A legible id: the job's first 8 digits, run, stage and index, then 128 bits over all of them in full.

    The digest, not the legible part, keeps ids apart: ``a_b`` and ``a-b`` differ, as do jobs that share
    their first 8 digits. Under 100 characters whatever the index.
    """
    digest = hashlib.sha256(canonical_json([job_id, run, stage, index]).encode()).hexdigest()[:32]
    return f"{job_id[:8]}-r{run}-s{stage}-{_NOT_LEGIBLE.sub('.', index)[:40]}-{digest}"


def checked_job_id(text: str) -> str:
    """The id in lower case, or ``InvalidIdentifierError`` if it is not 64 hex digits."""
    lowered = text.lower()
    if not JOB_ID_PATTERN.fullmatch(lowered):
        raise InvalidIdentifierError(f"a job id is 64 hexadecimal digits, not {text[:80]!r}")
    return lowered
