"""Who may call, as a document says it."""

from schema.access import GRANTED_BY, Access, AuthMode
from schema.json_types import JSONObject, JSONValue

_HEADER = "x-functions-key"
_QUERY = "code"


def security_schemes(mode: AuthMode) -> JSONObject:
    """The ways to say who calls, by name."""
    if mode is AuthMode.ENTRA:
        return {
            "entra": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A token of Microsoft Entra ID for this app, with one of the roles that the "
                "operation names. The platform checks it.",
            }
        }
    if mode is AuthMode.ANONYMOUS:
        return {}
    return {
        "functionKey": _key("header", _HEADER, "A function key, or the master key."),
        "functionKeyInQuery": _key("query", _QUERY, "A function key, or the master key, in the query."),
        "masterKey": _key("header", _HEADER, "The master key."),
        "masterKeyInQuery": _key("query", _QUERY, "The master key, in the query."),
    }


def security_of(mode: AuthMode, access: Access) -> list[JSONValue]:
    """The alternatives that open a route; none where it is open to anyone."""
    if access is Access.OPEN or mode is AuthMode.ANONYMOUS:
        return []
    if mode is AuthMode.ENTRA:
        return [{"entra": [role.value]} for role in sorted(GRANTED_BY[access])]
    name = "masterKey" if access is Access.ADMIN else "functionKey"
    return [{name: []}, {f"{name}InQuery": []}]


def _key(place: str, name: str, description: str) -> JSONObject:
    return {"type": "apiKey", "in": place, "name": name, "description": description}
