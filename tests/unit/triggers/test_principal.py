"""Who calls, read from the platform's header."""

import base64
import json
from typing import Any

import pytest

from schema.access import Access, Role
from schema.errors import PermissionMissingError, UnauthenticatedError
from triggers.principal import PRINCIPAL_HEADER, Principal, principal_of


def header(*claims: tuple[str, str], **told: Any) -> dict[str, str]:
    document = {"auth_typ": "aad", "claims": [{"typ": typ, "val": val} for typ, val in claims], **told}
    return {PRINCIPAL_HEADER: base64.b64encode(json.dumps(document).encode()).decode()}


def test_roles_are_the_role_claims() -> None:
    found = principal_of(header(("roles", "geojobs.read"), ("roles", "other"), ("groups", "geojobs.admin")))
    assert found.roles == {"geojobs.read", "other"}


def test_a_role_claim_may_have_another_type() -> None:
    kind = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    assert principal_of(header((kind, "geojobs.admin"), role_typ=kind)).roles == {"geojobs.admin"}


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ([("preferred_username", "ada@example.org"), ("oid", "1")], "ada@example.org"),
        ([("appid", "an-app"), ("oid", "1")], "an-app"),
        ([("oid", "1")], "1"),
        ([("oid", "1\nforged line")], "1forged line"),
        ([("oid", "x" * 300)], "x" * 200),
        ([], "unnamed"),
    ],
)
def test_a_caller_has_a_name_for_the_audit_trail(claims: list[tuple[str, str]], name: str) -> None:
    assert principal_of(header(*claims)).name == name


def test_the_platform_says_which_claim_is_the_name() -> None:
    assert principal_of(header(("oid", "1"), ("who", "Ada"), name_typ="who")).name == "Ada"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {PRINCIPAL_HEADER: ""},
        {PRINCIPAL_HEADER: "!!"},
        {PRINCIPAL_HEADER: "ü"},
        {PRINCIPAL_HEADER: base64.b64encode(b"no json").decode()},
        {PRINCIPAL_HEADER: base64.b64encode(b'{"claims": "all"}').decode()},
        {PRINCIPAL_HEADER: base64.b64encode(b'{"claims": [{"typ": "roles"}]}').decode()},
    ],
)
def test_who_cannot_be_read_is_nobody(headers: dict[str, str]) -> None:
    with pytest.raises(UnauthenticatedError):
        principal_of(headers)


@pytest.mark.parametrize(
    ("role", "granted"),
    [
        (Role.READ, {Access.OPEN, Access.READ}),
        (Role.SUBMIT, {Access.OPEN, Access.READ, Access.SUBMIT}),
        (Role.ADMIN, set(Access)),
    ],
)
def test_a_role_grants_what_the_table_says(role: Role, granted: set[Access]) -> None:
    principal = Principal("ada", frozenset({role.value}))
    refused = set()
    for access in Access:
        try:
            principal.require(access)
        except PermissionMissingError:
            refused.add(access)
    assert set(Access) - refused == granted


def test_a_refusal_names_the_roles_that_would_do() -> None:
    with pytest.raises(PermissionMissingError, match=r"geojobs\.admin, geojobs\.submit$"):
        Principal("ada", frozenset({"geojobs.read"})).require(Access.SUBMIT)
