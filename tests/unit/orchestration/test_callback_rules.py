"""A submission may ask for callbacks only to where they may go."""

import pytest

from orchestration.callback_rules import NO_CALLBACKS, CallbackRules
from orchestration.submission import Caller, SubmitJob
from schema.callback_urls import AllowedHosts
from schema.callbacks import CallbackForm, CallbackNotify, CallbackRequest, NewCallback
from schema.errors import InvalidParametersError
from schema.workflow import StagePlan
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import handlers, job_type, planning, stage, work

HOSTS = AllowedHosts(["hooks.example.com"])
RULES = CallbackRules(HOSTS, can_sign=True, absolute_links=True)
GOOD = CallbackRequest("https://hooks.example.com/a")
BAD = CallbackRequest("http://10.0.0.1/", source="/subscriber/failedUri")


def pointers(rules: CallbackRules, *requests: CallbackRequest) -> list[str]:
    with pytest.raises(InvalidParametersError) as caught:
        rules.checked(requests)
    return [error.pointer for error in caught.value.errors]


@pytest.fixture
def submit(system: FakeSystem) -> SubmitJob:
    return SubmitJob(system.job_catalog, system.repositories.jobs, system.relay, RULES)


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem(job_type(stage(planning(StagePlan.of(work(1))))), handlers())


def test_an_allowed_callback_is_taken_as_it_was_asked_for() -> None:
    asked = CallbackRequest("https://HOOKS.example.com", CallbackNotify.FAILED, CallbackForm.OGC, "raw.a")
    assert RULES.checked([asked]) == [
        NewCallback("https://hooks.example.com/", CallbackNotify.FAILED, CallbackForm.OGC, "raw.a")
    ]


def test_each_address_that_is_not_taken_is_named_by_where_it_stood() -> None:
    assert pointers(RULES, BAD, GOOD, CallbackRequest("")) == ["/subscriber/failedUri", "X-Callback-URL"]


def test_without_a_secret_no_callback_is_taken() -> None:
    unsigned = CallbackRules(AllowedHosts(["hooks.example.com"]), can_sign=False)
    assert pointers(unsigned, GOOD) == ["X-Callback-URL"]
    with pytest.raises(InvalidParametersError, match="CALLBACK_SECRET"):
        NO_CALLBACKS.checked([GOOD])


def test_who_asks_for_none_needs_no_secret() -> None:
    assert NO_CALLBACKS.checked([]) == []


def test_a_submission_stores_its_callback(system: FakeSystem, submit: SubmitJob) -> None:
    submit("trial", {}, Caller("corr-1", callbacks=[GOOD], base_url="https://geo.example/api"))
    (row,) = system.database.tables.callbacks.values()
    assert (row.url, row.base_url, row.correlation_id) == (GOOD.url, "https://geo.example/api", "corr-1")


def test_links_are_relative_where_only_callers_say_where_the_app_is() -> None:
    assert CallbackRules(HOSTS, can_sign=True).base_url("https://forged.example/api") == "/api"


def test_links_are_relative_where_the_address_of_the_app_is_very_long() -> None:
    assert RULES.base_url(f"http://{'a' * 2_000}/api") == "/api"


def test_a_callback_that_is_not_allowed_keeps_its_job_from_being_stored(
    system: FakeSystem, submit: SubmitJob
) -> None:
    with pytest.raises(InvalidParametersError):
        submit("trial", {}, Caller("corr-1", callbacks=[GOOD, BAD]))
    assert system.database.tables.jobs == {}
    assert system.database.tables.callbacks == {}


def test_a_dry_run_checks_callbacks_too(submit: SubmitJob) -> None:
    with pytest.raises(InvalidParametersError):
        submit.validate("trial", {}, Caller("corr-1", callbacks=[BAD]))


def test_a_callback_is_no_part_of_a_job_s_identity(submit: SubmitJob) -> None:
    with_callback = submit("trial", {}, Caller("corr-1", callbacks=[GOOD]))
    assert submit("trial", {}, Caller("corr-2")).job.job_id == with_callback.job.job_id
