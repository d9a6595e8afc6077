"""Large values in memory."""

from dataclasses import dataclass, field

from pydantic_core import from_json, to_json

from schema.errors import BlobUnavailableError
from schema.json_types import JSONObject


@dataclass
class FakePayloadStore:
    """Implements ``interfaces.payloads.PayloadStore``. ``away`` makes every call fail."""

    values: dict[str, bytes] = field(default_factory=dict)
    away: bool = False

    def put(self, job_id: str, name: str, value: JSONObject) -> str:
        self._demand()
        reference = f"{job_id}/{name}.json"
        self.values[reference] = to_json(value)
        return reference

    def get(self, reference: str) -> JSONObject:
        return from_json(self._stored(reference))

    def size(self, reference: str) -> int:
        return len(self._stored(reference))

    def read(self, reference: str, first: int, length: int) -> bytes:
        return self._stored(reference)[first : first + length]

    def _stored(self, reference: str) -> bytes:
        self._demand()
        if reference not in self.values:
            raise BlobUnavailableError("blob storage did not answer as it should")
        return self.values[reference]

    def remove(self, job_id: str) -> int:
        names = self._names(job_id)
        for name in names:
            del self.values[name]
        return len(names)

    def count(self, job_id: str) -> int:
        return len(self._names(job_id))

    def _names(self, job_id: str) -> list[str]:
        self._demand()
        return [name for name in self.values if name.startswith(f"{job_id}/")]

    def _demand(self) -> None:
        if self.away:
            raise BlobUnavailableError("blob storage is away")
