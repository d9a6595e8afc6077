from pathlib import Path

from tools.report import tail


def test_the_tail_has_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)), "utf-8")

    assert tail(log, 2) == "line 99998\nline 99999"


def test_the_tail_of_no_log_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "log", 2) == ""


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\xffb\n")

    assert tail(log, 2) == "a\ufffdb"
