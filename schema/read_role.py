"""The name of the role that may only read, before it becomes part of a statement."""

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def read_role(name: str | None) -> str | None:
    """The name as it was given, or ``None`` where there is none or an empty one.

    Raises ``ValueError`` for what is no plain name, and for ``none``: PostgreSQL takes it, even in quotes,
    for the end of acting as another role.
    """
    if not name:
        return None
    if not _NAME.fullmatch(name) or name.lower() == "none":
        raise ValueError("must be a role's name of letters, digits and underscores, and not none")
    return name
