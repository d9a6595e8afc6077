"""Where values live that are too large for a row."""

from typing import Protocol

from schema.json_types import JSONObject


class PayloadStore(Protocol):
    """Raises ``ServiceUnavailableError``."""

    def put(self, job_id: str, name: str, value: JSONObject) -> str:
        """Store the value under a name of the job's, replacing one of that name; returns its reference."""
        ...

    def get(self, reference: str) -> JSONObject: ...

    def read(self, reference: str) -> bytes:
        """The value as it is stored: JSON in UTF-8, not parsed."""
        ...

    def remove(self, job_id: str) -> int:
        """Remove all that is stored for the job; returns how many values that were."""
        ...

    def count(self, job_id: str) -> int: ...
