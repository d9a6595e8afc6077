"""Where values live that are too large for a row."""

from typing import Protocol

from schema.json_types import JSONObject


class PayloadStore(Protocol):
    """Raises ``ServiceUnavailableError``."""

    def put(self, job_id: str, name: str, value: JSONObject) -> str:
        """Store the value under a name of the job's, replacing one of that name; returns its reference."""
        ...

    def get(self, reference: str) -> JSONObject: ...

    def size(self, reference: str) -> int:
        """How many bytes the value has as it is stored, which is JSON in UTF-8."""
        ...

    def read(self, reference: str, first: int, length: int) -> bytes:
        """So many of these bytes from ``first`` on, which must be one of them; fewer at the end."""
        ...

    def remove(self, job_id: str) -> int:
        """Remove all that is stored for the job; returns how many values that were."""
        ...

    def count(self, job_id: str) -> int: ...
