"""What a name tells."""

import pytest

from services.containers.names import extension_of, folder_of, reasons_unreadable, shown


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("a.tif", ".tif"),
        ("A.TIF", ".tif"),
        ("in.d/a", None),
        ("in.d/a.tar.gz", ".gz"),
        (".hidden", None),
        ("in/.hidden", None),
        ("a.", None),
        ("a. b c", None),
        ("a." + "x" * 17, None),
        ("", None),
    ],
)
def test_extension(name: str, extension: str | None) -> None:
    assert extension_of(name) == extension


@pytest.mark.parametrize(
    ("name", "prefix", "folder"),
    [
        ("a/b/c.tif", "", "a/"),
        ("a.tif", "", None),
        ("a/b/c.tif", "a/", "a/b/"),
        ("a/b.tif", "a/", None),
        ("2024/ab/c.tif", "2024/a", "2024/ab/"),
        ("/a.tif", "", "/"),
    ],
)
def test_folder_is_the_one_right_below_the_prefix(name: str, prefix: str, folder: str | None) -> None:
    assert folder_of(name, prefix) == folder


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("good/name-1_2.tif", ()),
        ("gut/größe 日本.tif", ()),
        ("folder/", ()),
        ("a\nb", ("control_character",)),
        ("a\u202eb", ("invisible_character",)),
        ("a\ufffdb", ("replacement_character",)),
        ("gro\u0308sse.tif", ("not_normalised",)),
        ("a\\b", ("backslash",)),
        ("a//b", ("empty_or_dot_segment",)),
        ("../b", ("empty_or_dot_segment",)),
        ("a /b", ("space_or_dot_at_an_edge",)),
        ("a./b", ("space_or_dot_at_an_edge",)),
    ],
)
def test_reasons_why_a_name_makes_trouble(name: str, reasons: tuple[str, ...]) -> None:
    assert reasons_unreadable(name) == reasons


def test_what_cannot_be_shown_is_escaped() -> None:
    assert shown("a\0b\nc\u202ed\ud800é") == r"a\x00b\nc\u202ed\ud800é"
