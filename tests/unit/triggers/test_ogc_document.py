"""The OpenAPI 3.0 document of the routes of OGC API - Processes."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from schema.access import AuthMode
from triggers.ogc.document import ogc_document

BASE = "https://host/api"
DOCUMENTS: dict[AuthMode, Any] = {mode: ogc_document(mode, BASE) for mode in AuthMode}
any_mode = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)


def operations(document: Any) -> list[Any]:
    return [operation for path in document["paths"].values() for operation in path.values()]


@any_mode
def test_it_is_valid(document: Any) -> None:
    assert [error.message for error in OpenAPIV30SpecValidator(document).iter_errors()] == []


@any_mode
def test_no_scheme_but_oauth_may_have_scopes(document: Any) -> None:
    """As 3.0.3 has it, "Security Requirement Object"; the validator does not look at it."""
    alternatives = [alternative for one in operations(document) for alternative in one["security"]]
    assert all(scopes == [] for alternative in alternatives for scopes in alternative.values())


@pytest.mark.parametrize(
    ("path", "method", "roles"),
    [
        ("/ogc/jobs", "get", "Takes one of the roles geojobs.admin, geojobs.read, geojobs.submit."),
        ("/ogc/jobs/{ogc_job_id}", "delete", "Takes one of the roles geojobs.admin."),
    ],
)
def test_with_entra_the_roles_are_told_in_words(path: str, method: str, roles: str) -> None:
    operation = DOCUMENTS[AuthMode.ENTRA]["paths"][path][method]
    assert operation["security"] == [{"entra": []}]
    assert operation["description"].endswith(f"\n\n{roles}") or operation["description"] == roles


def test_with_entra_what_is_open_to_anyone_takes_no_role() -> None:
    operation = DOCUMENTS[AuthMode.ENTRA]["paths"]["/ogc"]["get"]
    assert operation["security"] == []
    assert "role" not in operation.get("description", "")


def test_results_are_a_document_any_value_or_parts() -> None:
    document = DOCUMENTS[AuthMode.KEYS]
    content = document["paths"]["/ogc/jobs/{ogc_job_id}/results"]["get"]["responses"]["200"]["content"]
    assert [*content] == ["application/json", "multipart/related"]
    names = [one["$ref"].rpartition("/")[2] for one in content["application/json"]["schema"]["anyOf"]]
    assert names == ["ResultDocument", "RawOutput"]
    schemas = document["components"]["schemas"]
    assert schemas["RawOutput"]["allOf"] == [{"$ref": "#/components/schemas/JsonValue"}]
    assert schemas["JsonValue"] == {}
