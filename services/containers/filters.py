"""Which names a listing is asked for: an extension or a glob."""

import re
from collections.abc import Callable
from fnmatch import translate

from schema.contracts.containers import is_glob


def matcher(wanted: str | None) -> Callable[[str], bool]:
    """Whether a name is wanted, upper and lower case being one.

    An extension (``.tif``) is compared with the name's end. A glob with a slash is compared with the whole
    name, one without with its last part; ``*`` stands for slashes too.
    """
    if wanted is None:
        return lambda _: True
    pattern = wanted.lower()
    if not is_glob(pattern):
        return lambda name: name.lower().endswith(pattern)
    matches = re.compile(translate(pattern)).match
    if "/" in pattern:
        return lambda name: matches(name.lower()) is not None
    return lambda name: matches(name.lower().rpartition("/")[2]) is not None
