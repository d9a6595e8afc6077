"""``summarize_container`` as its controller declares it."""

from typing import Any

import pytest
from pydantic import ValidationError

from controllers.summarize_container import REGISTRATION_INFO, SummarizeContainerParameters, plan_summary
from schema.contracts.summarize_container import SummarizeParameters


def test_one_task_gets_all_parameters() -> None:
    parameters = SummarizeContainerParameters(container="bronze", prefix="in/", max_files=5)
    (task,) = plan_summary(parameters, None).tasks
    assert task.parameters == SummarizeParameters(container="bronze", prefix="in/", max_files=5)


@pytest.mark.parametrize("container", ["abc", "a1b", "a-b-c", "0" * 63])
def test_container_names_of_azure_are_taken(container: str) -> None:
    assert SummarizeContainerParameters(container=container).container == container


@pytest.mark.parametrize(
    "changed",
    [
        {"container": "ab"},
        {"container": "a" * 64},
        {"container": "Bronze"},
        {"container": "a--b"},
        {"container": "-abc"},
        {"container": "abc-"},
        {"container": "$root"},
        {"container": "abc\n"},
        {"container": "../etc"},
        {"prefix": "x" * 1_025},
        {"prefix": "a\0b"},
        {"max_files": 0},
        {"max_files": "5"},
        {"max_files": True},
        {"unknown": 1},
    ],
)
def test_parameters_that_make_no_sense_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SummarizeContainerParameters.model_validate({"container": "bronze", **changed})


def test_a_container_must_be_named() -> None:
    with pytest.raises(ValidationError):
        SummarizeContainerParameters.model_validate({})


def test_every_parameter_of_its_own_is_described() -> None:
    properties = REGISTRATION_INFO.parameters.model_json_schema()["properties"]
    assert all(properties[name].get("description") for name in ("container", "prefix", "max_files"))
