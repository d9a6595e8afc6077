"""Ids of items, made from blobs' names."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schema.raster_ids import LONGEST_ID, StacId, item_id_of, item_ids_of

IDS = TypeAdapter[str](StacId)


@pytest.mark.parametrize(
    ("blob", "item_id"),
    [
        ("B04.tif", "B04"),
        ("scene.v2.TIF", "scene.v2"),
        ("Übersicht 1.tif", "Ubersicht-1"),
        ("..hidden..tif", "hidden"),
        ("no_extension", "no_extension"),
        ("c (1).jp2", "c-1"),
        ("scenes/2024/B04.tif", "B04-{digest}"),
        ("a b//c (1).jp2", "c-1-{digest}"),
        ("folder.tif/plain", "plain-{digest}"),
    ],
)
def test_an_id_is_what_the_name_says(blob: str, item_id: str) -> None:
    assert item_id_of(blob) == item_id.format(digest=sha256(blob.encode()).hexdigest()[:8])


def test_blobs_of_one_name_in_several_folders_have_ids_of_their_own() -> None:
    assert item_id_of("scene1/B04.tif") != item_id_of("scene2/B04.tif")


def test_an_id_does_not_depend_on_what_else_is_in_other_folders() -> None:
    assert item_ids_of(["scene1/B04.tif", "scene2/B04.tif"])["scene1/B04.tif"] == item_id_of("scene1/B04.tif")


def test_a_name_without_a_letter_that_ids_have_is_still_one_id() -> None:
    assert item_id_of("in/\u6771\u4eac.tif").startswith("raster-")
    assert item_id_of("in/\u6771\u4eac.tif") != item_id_of("in/\u4eac\u90fd.tif")


@given(st.text(min_size=1, max_size=1_024))
def test_every_name_gives_an_id(blob: str) -> None:
    assert IDS.validate_python(item_id_of(blob))


@given(st.lists(st.text("aA.b/", min_size=1, max_size=6), unique=True, max_size=20))
def test_ids_differ_whatever_the_names_share(blobs: list[str]) -> None:
    ids = item_ids_of(blobs)
    assert list(ids) == blobs
    assert len({item_id.casefold() for item_id in ids.values()}) == len(blobs)
    assert all(len(IDS.validate_python(item_id)) <= LONGEST_ID for item_id in ids.values())


def test_only_those_that_share_a_stem_get_a_digest() -> None:
    ids = item_ids_of(["x.tif", "X.jp2", "y.tif"])
    assert ids["y.tif"] == "y"
    assert ids["x.tif"].startswith("x-")
    assert ids["X.jp2"].startswith("X-")


def test_the_longest_name_leaves_room_for_its_digest() -> None:
    ids = item_ids_of([f"{folder}/{'n' * 300}.tif" for folder in "ab"])
    assert {len(item_id) for item_id in ids.values()} == {LONGEST_ID}
