"""What a blob's name tells: its extension, its folder, and whether people and tools can handle it."""

import re
import unicodedata
from collections.abc import Callable

_EXTENSION = re.compile(r"[a-z0-9_+-]{1,16}")


def extension_of(name: str) -> str | None:
    """The extension in lower case with its dot, or ``None``; a leading dot starts no extension."""
    stem, dot, extension = name.rpartition("/")[2].rpartition(".")
    lowered = extension.lower()
    return f".{lowered}" if dot and stem and _EXTENSION.fullmatch(lowered) else None


def folder_of(name: str, prefix: str) -> str | None:
    """The folder right below the prefix that the blob lies in or under, or ``None``.

    A prefix that ends within a name counts up to its last slash: ``2024/ab`` is ``2024/``.
    """
    base = prefix[: prefix.rfind("/") + 1]
    folder, slash, _ = name[len(base) :].partition("/")
    return f"{base}{folder}/" if slash else None


def shown(name: str) -> str:
    """The name as it can be shown and stored: escapes in place of control and invisible characters."""
    return "".join(_shown(char) for char in name)


def reasons_unreadable(name: str) -> tuple[str, ...]:
    """Why the name makes trouble, as stable words; empty for a good one."""
    return tuple(reason for reason, applies in _REASONS.items() if applies(name))


def _shown(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii") if _is_invisible(char) else char


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _has_control(name: str) -> bool:
    return any(unicodedata.category(char) == "Cc" for char in name)


def _has_invisible(name: str) -> bool:
    return any(_is_invisible(char) and unicodedata.category(char) != "Cc" for char in name)


def _has_odd_segment(name: str) -> bool:
    return any(segment in ("", ".", "..") for segment in name.removesuffix("/").split("/"))


def _has_odd_edge(name: str) -> bool:
    return any(
        segment != segment.strip() or (segment.endswith(".") and segment.strip("."))
        for segment in name.split("/")
    )


_REASONS: dict[str, Callable[[str], bool]] = {
    "control_character": _has_control,
    "invisible_character": _has_invisible,
    "replacement_character": lambda name: "\N{REPLACEMENT CHARACTER}" in name,
    "not_normalised": lambda name: not unicodedata.is_normalized("NFC", name),
    "backslash": lambda name: "\\" in name,
    "empty_or_dot_segment": _has_odd_segment,
    "space_or_dot_at_an_edge": _has_odd_edge,
}
