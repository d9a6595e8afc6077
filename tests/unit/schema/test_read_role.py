"""What may be the name of the role that only reads."""

import pytest

from schema.read_role import read_role


@pytest.mark.parametrize("name", ["geojobs_reader", "_reader2", "pg_read_all_data", "Analysts", "r" * 63])
def test_a_plain_name_is_taken_as_it_is(name: str) -> None:
    assert read_role(name) == name


@pytest.mark.parametrize("name", [None, ""])
def test_there_may_be_none(name: str | None) -> None:
    assert read_role(name) is None


@pytest.mark.parametrize("name", ["none", "None", "a b", "a;b", 'a"b', "a-b", "1a", "r" * 64, " ", "a\n"])
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="role"):
        read_role(name)
