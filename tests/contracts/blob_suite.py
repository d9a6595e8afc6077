"""What every ``BlobRepository`` does, the fake as well as the real one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from interfaces.blobs import BlobInfo, BlobRepository
from schema.errors import PermanentTaskError


class Put(Protocol):
    def __call__(
        self, container: str, name: str, data: bytes = b"", content_type: str = "text/plain"
    ) -> BlobInfo: ...


class BlobRepositoryContract:
    """A subclass gives the fixtures ``blobs`` and ``put``.

    ``bronze`` may be read, ``silver`` written too, both exist; ``gold`` may be read and does not exist.
    """

    def test_lists_blobs_in_order_of_their_names(self, blobs: BlobRepository, put: Put) -> None:
        for name in ("b.txt", "a/c.txt", "a.txt"):
            put("bronze", name)
        assert [blob.name for blob in blobs.list_blobs("bronze")] == ["a.txt", "a/c.txt", "b.txt"]

    def test_lists_only_what_lies_below_the_prefix(self, blobs: BlobRepository, put: Put) -> None:
        for name in ("in/1", "in/2", "inner", "out/1"):
            put("bronze", name)
        assert [blob.name for blob in blobs.list_blobs("bronze", "in/")] == ["in/1", "in/2"]

    def test_lists_nothing_of_an_empty_container(self, blobs: BlobRepository) -> None:
        assert list(blobs.list_blobs("bronze")) == []

    def test_listing_tells_size_time_and_type(self, blobs: BlobRepository, put: Put) -> None:
        put("bronze", "a.tif", b"12345", "image/tiff")
        (blob,) = blobs.list_blobs("bronze")
        assert (blob.size, blob.content_type) == (5, "image/tiff")
        assert abs(datetime.now(UTC) - blob.last_modified) < timedelta(minutes=5)

    def test_listing_and_info_tell_the_same(self, blobs: BlobRepository, put: Put) -> None:
        put("bronze", "a.tif", b"12345", "image/tiff")
        (listed,) = blobs.list_blobs("bronze")
        assert blobs.info("bronze", "a.tif") == listed

    @pytest.mark.parametrize(
        "name", ["ä ö/ü.tif", "a+b&c#d?.tif", "%41.tif", "日本.tif", " x ", "a//b", "a\\b"]
    )
    def test_odd_names_are_listed_and_read(self, blobs: BlobRepository, put: Put, name: str) -> None:
        put("bronze", name, b"content")
        (listed,) = blobs.list_blobs("bronze")
        assert blobs.read_range("bronze", listed.name, 0, 100, listed.etag) == b"content"

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [(0, 3, b"012"), (7, 100, b"789"), (3, 4, b"3456"), (10, 5, b""), (100, 5, b""), (0, 0, b"")],
    )
    def test_reads_a_range(
        self, blobs: BlobRepository, put: Put, offset: int, length: int, expected: bytes
    ) -> None:
        put("bronze", "digits", b"0123456789")
        assert blobs.read_range("bronze", "digits", offset, length) == expected

    def test_reads_nothing_of_an_empty_blob(self, blobs: BlobRepository, put: Put) -> None:
        put("bronze", "empty")
        (listed,) = blobs.list_blobs("bronze")
        assert blobs.read_range("bronze", "empty", 0, 10, listed.etag) == b""

    def test_reads_what_the_etag_pins(self, blobs: BlobRepository, put: Put) -> None:
        put("bronze", "a", b"first")
        (listed,) = blobs.list_blobs("bronze")
        assert blobs.read_range("bronze", "a", 0, 5, listed.etag) == b"first"

    @pytest.mark.parametrize("first", [b"first", b""])
    def test_a_replaced_blob_is_not_read(self, blobs: BlobRepository, put: Put, first: bytes) -> None:
        put("bronze", "a", first)
        (listed,) = blobs.list_blobs("bronze")
        put("bronze", "a", b"second")
        demand_code("BLOB_CHANGED", lambda: blobs.read_range("bronze", "a", 0, 5, listed.etag))

    def test_writes_a_blob(self, blobs: BlobRepository) -> None:
        written = blobs.write("silver", "out/a.json", b"{}", "application/json")
        assert written == blobs.info("silver", "out/a.json")
        assert blobs.read_range("silver", "out/a.json", 0, 10, written.etag) == b"{}"

    def test_writing_replaces(self, blobs: BlobRepository) -> None:
        first = blobs.write("silver", "a", b"first", "text/plain")
        second = blobs.write("silver", "a", b"second", "text/plain")
        assert first.etag != second.etag
        assert blobs.read_range("silver", "a", 0, 10) == b"second"

    def test_blocks_become_a_blob_in_the_order_of_the_commit(self, blobs: BlobRepository) -> None:
        for block_id, data in (("b-1", b"one"), ("b-2", b"twofold"), ("b-3", b"three")):
            blobs.stage_block("silver", "cog.tif", block_id, data)
        made = blobs.commit_blocks("silver", "cog.tif", ["b-3", "b-1", "b-2"], "image/tiff")
        assert made == blobs.info("silver", "cog.tif")
        assert (made.size, made.content_type) == (15, "image/tiff")
        assert blobs.read_range("silver", "cog.tif", 0, 100) == b"threeonetwofold"
        assert list(blobs.blocks("silver", "cog.tif").items()) == [("b-3", 5), ("b-1", 3), ("b-2", 7)]

    def test_staged_blocks_are_not_seen(self, blobs: BlobRepository) -> None:
        blobs.stage_block("silver", "cog.tif", "b-1", b"one")
        assert list(blobs.list_blobs("silver")) == []
        demand_code("BLOB_NOT_FOUND", lambda: blobs.read_range("silver", "cog.tif", 0, 1))
        assert blobs.staged_blocks("silver", "cog.tif") == {"b-1": 3}
        assert blobs.blocks("silver", "cog.tif") == {}

    def test_a_block_replaces_one_of_its_id(self, blobs: BlobRepository) -> None:
        blobs.stage_block("silver", "cog.tif", "b-1", b"first")
        blobs.stage_block("silver", "cog.tif", "b-1", b"second try")
        blobs.commit_blocks("silver", "cog.tif", ["b-1"], "image/tiff")
        assert blobs.read_range("silver", "cog.tif", 0, 100) == b"second try"

    def test_a_commit_discards_other_blocks(self, blobs: BlobRepository) -> None:
        blobs.stage_block("silver", "cog.tif", "a1-b1", b"zombie")
        blobs.stage_block("silver", "cog.tif", "a2-b1", b"real")
        blobs.commit_blocks("silver", "cog.tif", ["a2-b1"], "image/tiff")
        assert blobs.staged_blocks("silver", "cog.tif") == {}

    def test_a_commit_does_not_replace_a_blob(self, blobs: BlobRepository) -> None:
        blobs.write("silver", "cog.tif", b"there", "image/tiff")
        blobs.stage_block("silver", "cog.tif", "b-1", b"one")
        demand_code("BLOB_EXISTS", lambda: blobs.commit_blocks("silver", "cog.tif", ["b-1"], "image/tiff"))
        assert blobs.read_range("silver", "cog.tif", 0, 100) == b"there"

    def test_a_second_commit_finds_the_blob_of_the_first(self, blobs: BlobRepository) -> None:
        blobs.stage_block("silver", "cog.tif", "b-1", b"one")
        blobs.commit_blocks("silver", "cog.tif", ["b-1"], "image/tiff")
        demand_code("BLOB_EXISTS", lambda: blobs.commit_blocks("silver", "cog.tif", ["b-1"], "image/tiff"))

    def test_a_commit_of_a_block_that_is_not_there_makes_nothing(self, blobs: BlobRepository) -> None:
        blobs.stage_block("silver", "cog.tif", "b-1", b"one")
        ids = ["b-1", "b-2"]
        demand_code("BLOB_BLOCKS_MISSING", lambda: blobs.commit_blocks("silver", "cog.tif", ids, "x/y"))
        assert list(blobs.list_blobs("silver")) == []

    @pytest.mark.parametrize("ids", [[], ["b-1", "b-10"], [""], ["x" * 65], ["ü"]])
    def test_ids_of_blocks_are_of_one_length(self, blobs: BlobRepository, ids: list[str]) -> None:
        demand_code("BLOB_REFUSED", lambda: blobs.commit_blocks("silver", "cog.tif", ids, "image/tiff"))

    def test_what_is_not_there_has_no_blocks(self, blobs: BlobRepository) -> None:
        assert blobs.blocks("silver", "absent") == {}
        assert blobs.staged_blocks("silver", "absent") == {}
        demand_code("CONTAINER_NOT_FOUND", lambda: blobs.blocks("gold", "absent"))

    def test_deletes_a_blob(self, blobs: BlobRepository) -> None:
        blobs.write("silver", "a", b"a", "text/plain")
        blobs.delete("silver", "a")
        blobs.delete("silver", "a")
        assert list(blobs.list_blobs("silver")) == []

    def test_changing_a_container_for_reading_is_refused(self, blobs: BlobRepository) -> None:
        for call in (
            lambda: blobs.stage_block("bronze", "a", "b-1", b""),
            lambda: blobs.commit_blocks("bronze", "a", ["b-1"], "text/plain"),
            lambda: blobs.delete("bronze", "a"),
        ):
            demand_code("CONTAINER_NOT_ALLOWED", call)

    def test_results_are_written_to_the_first_writable_container(self, blobs: BlobRepository) -> None:
        assert blobs.output_container == "silver"

    def test_a_container_that_does_not_exist_is_named(self, blobs: BlobRepository) -> None:
        message = demand_code("CONTAINER_NOT_FOUND", lambda: list(blobs.list_blobs("gold")))
        assert "gold" in message

    def test_no_blob_is_read_from_a_container_that_does_not_exist(self, blobs: BlobRepository) -> None:
        demand_code("CONTAINER_NOT_FOUND", lambda: blobs.read_range("gold", "a", 0, 1))

    def test_a_blob_that_does_not_exist_is_named(self, blobs: BlobRepository) -> None:
        message = demand_code("BLOB_NOT_FOUND", lambda: blobs.read_range("bronze", "absent", 0, 1))
        assert "absent" in message
        demand_code("BLOB_NOT_FOUND", lambda: blobs.info("bronze", "absent"))

    def test_reading_elsewhere_names_what_is_allowed(self, blobs: BlobRepository) -> None:
        for call in (
            lambda: list(blobs.list_blobs("secret")),
            lambda: blobs.info("secret", "a"),
            lambda: blobs.read_range("secret", "a", 0, 1),
        ):
            message = demand_code("CONTAINER_NOT_ALLOWED", call)
            assert "bronze" in message

    def test_writing_to_a_container_for_reading_is_refused(self, blobs: BlobRepository) -> None:
        message = demand_code("CONTAINER_NOT_ALLOWED", lambda: blobs.write("bronze", "a", b"", "text/plain"))
        assert "silver" in message

    def test_ping_is_answered(self, blobs: BlobRepository) -> None:
        blobs.ping()


def demand_code(code: str, call: Callable[[], object]) -> str:
    """The message of the ``PermanentTaskError`` of this code that the call raises."""
    with pytest.raises(PermanentTaskError) as caught:
        call()
    assert caught.value.error_code == code
    return str(caught.value)
