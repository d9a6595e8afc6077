"""Who calls, as the platform's authentication tells it in a header."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from schema.access import GRANTED_BY, Access
from schema.errors import PermissionMissingError, UnauthenticatedError

PRINCIPAL_HEADER = "x-ms-client-principal"

_ROLE_CLAIM = "roles"
_NAME_CLAIMS = ("preferred_username", "upn", "appid", "azp", "oid", "sub")
_MAX_NAME = 200


@dataclass(frozen=True)
class Principal:
    """Who calls: a name for the audit trail, and the app roles that were assigned."""

    name: str
    roles: frozenset[str]

    def require(self, access: Access) -> None:
        """Raises ``PermissionMissingError``, which names the roles that would do."""
        granting = GRANTED_BY.get(access, frozenset())
        if granting and not granting & self.roles:
            raise PermissionMissingError(f"one of these roles is needed: {', '.join(sorted(granting))}")


class _Claim(BaseModel):
    typ: str
    val: str


class _ClientPrincipal(BaseModel):
    claims: list[_Claim]
    name_typ: str | None = None
    role_typ: str | None = None


def principal_of(headers: Mapping[str, str]) -> Principal:
    """The caller that the platform has signed in; ``headers`` have lower-case names.

    The platform removes such a header from what comes from outside, so it can be believed where the
    platform's authentication is switched on, and the app demands that it is (``WEBSITE_AUTH_ENABLED``).
    Source of the format: "Access user claims in app code" in the documentation of Azure App Service.
    Raises ``UnauthenticatedError``.
    """
    sent = headers.get(PRINCIPAL_HEADER)
    if not sent:
        raise UnauthenticatedError("the platform has signed nobody in for this request; send a bearer token")
    try:
        told = _ClientPrincipal.model_validate_json(base64.b64decode(sent, validate=True))
    except (binascii.Error, ValidationError, ValueError):
        raise UnauthenticatedError("what the platform tells of the caller cannot be read") from None
    role_types = {_ROLE_CLAIM, told.role_typ}
    roles = frozenset(claim.val for claim in told.claims if claim.typ in role_types)
    return Principal(_name_of(told), roles)


def _name_of(told: _ClientPrincipal) -> str:
    values = {claim.typ: claim.val for claim in reversed(told.claims)}
    named = (values.get(kind) for kind in (told.name_typ, *_NAME_CLAIMS) if kind is not None)
    name = next((value for value in named if value), "unnamed")
    return "".join(character for character in name if character.isprintable())[:_MAX_NAME]
