"""Tiles lie level by level, the smallest first, and what does not add up is refused."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from services.raster.layout import LevelGrid, Piece, PieceMismatchError, place

FULL = LevelGrid(0, 1100, 700, 1024, 512)
HALF = LevelGrid(1, 550, 350, 512, 512)
PIECES = (
    [Piece(21, (10, 11), ()), Piece(12, (12,), ()), Piece(27, (13, 14), ()), Piece(15, (15,), ())],
    [Piece(1, (1,), ()), Piece(2, (2,), ())],
)


def test_the_overview_comes_first_and_pieces_follow_each_other() -> None:
    full, half = place([(FULL, PIECES[0]), (HALF, PIECES[1])], masked=False)

    np.testing.assert_array_equal(half.image.offsets, [[0, 1]])
    np.testing.assert_array_equal(full.image.offsets, [[3, 13, 24], [36, 49, 63]])
    np.testing.assert_array_equal(full.image.sizes, [[10, 11, 12], [13, 14, 15]])


def test_a_piece_s_mask_lies_behind_its_tiles() -> None:
    grid = LevelGrid(0, 1024, 512, 512, 512)
    pieces = [Piece(15, (10,), (5,)), Piece(27, (20,), (7,))]

    [level] = place([(grid, pieces)], masked=True)

    assert level.mask is not None
    np.testing.assert_array_equal(level.image.offsets, [[0, 15]])
    np.testing.assert_array_equal(level.mask.offsets, [[10, 35]])


def test_offsets_beyond_four_gigabytes_are_kept() -> None:
    huge = 2**32 - 1
    pieces = [Piece(huge, (huge,), ()) for _ in range(4)]

    [level] = place([(LevelGrid(0, 1024, 1024, 512, 512), pieces)], masked=False)

    assert int(level.image.offsets[1, 1]) == 3 * huge


@pytest.mark.parametrize(
    "changes",
    [{"size": 22}, {"tile_sizes": (21,)}, {"tile_sizes": (10, 11, 0)}, {"mask_sizes": (0,)}],
    ids=str,
)
def test_a_piece_that_does_not_fit_its_place_is_refused(changes: dict[str, Any]) -> None:
    pieces = [dataclasses.replace(PIECES[0][0], **changes), *PIECES[0][1:]]

    with pytest.raises(PieceMismatchError, match="piece 0 of level 0"):
        place([(FULL, pieces)], masked=False)


def test_a_piece_too_few_is_refused() -> None:
    with pytest.raises(PieceMismatchError, match="3 pieces"):
        place([(FULL, PIECES[0][:3])], masked=False)
