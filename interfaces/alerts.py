"""How operators are called."""

from typing import Protocol

from schema.json_types import JSONObject


class AlertSink(Protocol):
    def alert(self, subject: str, facts: JSONObject) -> None:
        """Call the operators. Never raises: what cannot be delivered is logged."""
        ...
