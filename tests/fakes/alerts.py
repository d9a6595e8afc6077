"""Operators who write down what they are called for."""

from dataclasses import dataclass, field

from schema.json_types import JSONObject


@dataclass
class FakeAlertSink:
    """Implements ``interfaces.alerts.AlertSink``."""

    alerts: list[tuple[str, JSONObject]] = field(default_factory=list)

    def alert(self, subject: str, facts: JSONObject) -> None:
        self.alerts.append((subject, facts))
