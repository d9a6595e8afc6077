"""Route templates and which of them a request finds."""

import pytest

from devhost.errors import StartError
from devhost.routing import Route, Router, RouteTemplate


def router(*templates: str) -> Router[str]:
    return Router(Route(RouteTemplate.parse(template), frozenset(), template) for template in templates)


def values(template: str, path: str) -> dict[str, str] | None:
    found = router(template).find("GET", path)
    return None if found is None else found[1]


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/jobs", "/api/jobs", {}),
        ("api/jobs", "/API/Jobs", {}),
        ("api/jobs", "/api/jobs/", {}),
        ("api/jobs", "/api/jobs//", None),
        ("api/jobs", "/api/jobs/1", None),
        ("api/jobs/{id}", "/api/jobs/a%20b", {"id": "a b"}),
        ("api/jobs/{id}", "/api/jobs/a%2Fb", {"id": "a%2Fb"}),
        ("api/jobs/{id}", "/api/jobs/Ab", {"id": "Ab"}),
        ("api/jobs/{id}", "/api/jobs", None),
        ("api/jobs/{id?}", "/api/jobs", {}),
        ("api/jobs/{id?}", "/api/jobs/1", {"id": "1"}),
        ("api/{*rest}", "/api/a/b", {"rest": "a/b"}),
        ("api/{*rest}", "/api", {}),
        ("api/jobs/{id:int}", "/api/jobs/12", {"id": "12"}),
        ("api/jobs/{id:int}", "/api/jobs/x", None),
        ("/jobs", "/jobs", {}),
    ],
)
def test_a_template_matches(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert values(template, path) == expected


@pytest.mark.parametrize("order", [1, -1])
def test_the_more_specific_template_wins_whatever_the_order(order: int) -> None:
    templates = ["jobs/status", "jobs/{id:int}", "jobs/{id}", "jobs/{*rest}"][::order]
    found = [
        router(*templates).find("GET", path) for path in ("/jobs/status", "/jobs/1", "/jobs/x", "/jobs/x/y")
    ]
    assert [each[0] for each in found if each] == [
        "jobs/status",
        "jobs/{id:int}",
        "jobs/{id}",
        "jobs/{*rest}",
    ]


def test_a_method_of_another_function_is_passed_over() -> None:
    routes = [
        Route(RouteTemplate.parse("jobs"), frozenset({"GET"}), "list"),
        Route(RouteTemplate.parse("jobs"), frozenset({"POST"}), "submit"),
    ]
    found = Router(routes).find("POST", "/jobs")
    assert found is not None
    assert found[0] == "submit"
    assert Router(routes).find("PUT", "/jobs") is None


@pytest.mark.parametrize(
    "template", ["a/x{id}", "a/{id:regex(x)}", "a/{id:even}", "a/{id?}/b", "a/{*x}/b", "a/{"]
)
def test_what_is_not_supported_is_refused(template: str) -> None:
    with pytest.raises(StartError, match="route"):
        RouteTemplate.parse(template)
