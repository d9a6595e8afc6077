"""What the API asks of the database's own schema."""

from collections.abc import Sequence
from typing import Protocol


class SchemaRepository(Protocol):
    """Each call is one transaction, one caller at a time; reports what it did, step by step."""

    def version(self) -> int | None:
        """The newest applied migration, or ``None`` without a schema."""
        ...

    def newest(self) -> int:
        """The newest migration that the app brings."""
        ...

    def migrate(self) -> Sequence[str]: ...

    def redeploy(self) -> Sequence[str]: ...

    def drop(self) -> Sequence[str]: ...
