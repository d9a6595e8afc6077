"""The metrics as Prometheus reads them."""

import re
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from interfaces.metrics import Count
from interfaces.queues import QueueDepth
from orchestration.measuring import SystemMetrics
from schema.queues import ALL_QUEUES
from tests.support.metrics import database_metrics
from triggers.prometheus import DEFINITIONS, SUMMARY, Definition, rendered

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
_ROW = re.compile(r"^\| `(geojobs_\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)

UP = {"database": True, "queues": True}
ALL = SystemMetrics(database_metrics(), [QueueDepth(name, 3, 1.5) for name in ALL_QUEUES], UP)


def families(metrics: SystemMetrics) -> dict[str, Metric]:
    text = rendered(metrics).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(metrics: SystemMetrics, name: str, **labels: str) -> float:
    (found,) = [sample.value for sample in families(metrics)[name].samples if sample.labels == labels]
    return found


def test_a_parser_reads_all_of_it() -> None:
    assert sorted(families(ALL)) == sorted(definition.name for definition in DEFINITIONS)
    assert all(family.samples for family in families(ALL).values())


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.name)
def test_a_metric_is_what_its_definition_says(definition: Definition) -> None:
    family = families(ALL)[definition.name]
    assert (family.type, family.documentation) == (definition.kind, definition.meaning)
    assert {tuple(sorted(sample.labels)) for sample in family.samples} == {tuple(sorted(definition.labels))}


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.name)
def test_a_name_follows_the_conventions(definition: Definition) -> None:
    assert re.fullmatch(r"geojobs(_[a-z]+)+", definition.name)
    assert not definition.name.endswith(("_total", "_ms", "_count", "_sum"))
    assert ("quantile" in definition.labels) == (definition.kind == SUMMARY)
    timed = any(word in definition.name for word in ("_duration", "_lag", "_age", "_window"))
    assert timed == definition.name.endswith("_seconds")


def test_the_document_has_a_row_for_each_metric() -> None:
    rows = [
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in _ROW.findall(DOCUMENT.read_text("utf-8"))
    ]
    assert rows == [(definition.name, definition.kind, definition.labels) for definition in DEFINITIONS]


def test_numbers_come_through() -> None:
    assert value(ALL, "geojobs_jobs", job_type="hello_world", status="processing") == 2
    assert value(ALL, "geojobs_task_duration_seconds", task_type="greeting", quantile="0.95") == 0.5
    assert value(ALL, "geojobs_queue_messages", queue="geospatial-tasks") == 3
    assert value(ALL, "geojobs_outbox_lag_seconds") == 12.5


def test_what_did_not_answer_is_left_out_and_reported() -> None:
    away = SystemMetrics(None, [QueueDepth(ALL_QUEUES[0], 1)], {"database": False, "queues": False})
    found = families(away)
    assert value(away, "geojobs_up", component="database") == 0
    assert value(away, "geojobs_up", component="queues") == 0
    assert [sample.labels["queue"] for sample in found["geojobs_queue_messages"].samples] == [ALL_QUEUES[0]]
    assert found["geojobs_jobs"].samples == []
    assert found["geojobs_outbox_messages"].samples == []


def test_before_the_first_sweep_there_is_no_age() -> None:
    new = SystemMetrics(database_metrics(last_sweep_age_seconds=None), [], UP)
    assert families(new)["geojobs_last_sweep_age_seconds"].samples == []


def test_an_empty_queue_has_no_old_message() -> None:
    empty = SystemMetrics(database_metrics(), [QueueDepth(ALL_QUEUES[0], 0)], UP)
    assert value(empty, "geojobs_queue_oldest_message_age_seconds", queue=ALL_QUEUES[0]) == 0


@pytest.mark.parametrize("odd", ['a"b', "a\\b", "a\nb", "ü"])
def test_a_label_may_be_anything(odd: str) -> None:
    strange = SystemMetrics(database_metrics(jobs=[Count((odd, "queued"), 1)]), [], UP)
    assert value(strange, "geojobs_jobs", job_type=odd, status="queued") == 1
