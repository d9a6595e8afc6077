"""Who may do what: the ways of asking who calls, and the roles there are."""

from enum import StrEnum


class AuthMode(StrEnum):
    """``keys``: the platform's function keys. ``entra``: the platform signs callers in, and the app checks
    their roles. ``anonymous``: open, on a laptop only."""

    KEYS = "keys"
    ENTRA = "entra"
    ANONYMOUS = "anonymous"


class Access(StrEnum):
    """What a route takes: nothing, reading, submitting, or administering."""

    OPEN = "open"
    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"


class Role(StrEnum):
    """The app roles of Microsoft Entra ID that grant access."""

    READ = "geojobs.read"
    SUBMIT = "geojobs.submit"
    ADMIN = "geojobs.admin"


GRANTED_BY: dict[Access, frozenset[Role]] = {
    Access.READ: frozenset({Role.READ, Role.SUBMIT, Role.ADMIN}),
    Access.SUBMIT: frozenset({Role.SUBMIT, Role.ADMIN}),
    Access.ADMIN: frozenset({Role.ADMIN}),
}
