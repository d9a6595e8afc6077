"""What health says of the export of traces."""

from datetime import UTC, datetime

from interfaces.tracing import NO_TRACER, Export
from orchestration.health_checks import check_telemetry
from schema.api import HealthState
from tests.fakes.tracer import FakeTracer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_without_a_destination_it_is_off_and_healthy() -> None:
    finding = check_telemetry(NO_TRACER)
    assert (finding.state, finding.details) == (HealthState.HEALTHY, {"export": "off"})


def test_each_destination_tells_how_it_goes() -> None:
    finding = check_telemetry(
        FakeTracer([Export("otlp", True, 10, 0), Export("application insights", True, 9, 1, "away", NOON)])
    )
    assert finding.state is HealthState.HEALTHY
    assert finding.details == {
        "export": "otlp and application insights",
        "otlp": {"exported_spans": 10, "lost_spans": 0, "last_error": None, "last_error_at": None},
        "application insights": {
            "exported_spans": 9,
            "lost_spans": 1,
            "last_error": "away",
            "last_error_at": "2026-01-01T12:00:00+00:00",
        },
    }


def test_a_destination_that_cannot_be_reached_degrades() -> None:
    finding = check_telemetry(FakeTracer([Export("otlp", False, 0, 5, "refused", NOON)]))
    assert (finding.state, finding.message) == (HealthState.DEGRADED, "traces do not reach otlp")
