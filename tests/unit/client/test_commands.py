"""The command line on a server of canned answers: what it writes where, and how it ends."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from geojobs_client import GeoJobs, cli
from geojobs_client.commands import completion
from tests.unit.client.support import (
    JOB_ID,
    KEY,
    TOKEN,
    URL,
    FakeClock,
    FakeServer,
    event,
    job,
    ok,
    problem,
    submission,
)

Run = Callable[..., Result]
CONTROL = {"job_id": JOB_ID, "job_type": "x", "status": "processing", "run": 1, "stage": 1, "links": {}}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``geojobs`` with arguments against a server."""

    def invoke(server: FakeServer, *arguments: str, stdin: str | None = None, **environment: str) -> Result:
        connect = partial(GeoJobs, transport=httpx.MockTransport(server), clock=FakeClock(), retries=0)
        monkeypatch.setattr(cli, "GeoJobs", connect)
        environment = {"GEOJOBS_URL": URL, "GEOJOBS_KEY": KEY, "GEOJOBS_TOKEN": TOKEN, **environment}
        result = CliRunner().invoke(cli.app, [*arguments], env=environment, input=stdin)
        assert KEY not in result.output
        assert TOKEN not in result.output
        return result

    return invoke


class TestExitCodes:
    @pytest.mark.parametrize(
        ("status", "code"), [("completed", 0), ("failed", 3), ("cancelled", 4), ("completed_with_errors", 5)]
    )
    @pytest.mark.parametrize("command", ["submit", "status", "retry", "rerun"])
    def test_waiting_ends_as_the_job_did(self, run: Run, command: str, status: str, code: int) -> None:
        first = {"submit": submission(), "retry": CONTROL, "rerun": CONTROL}
        answers = [ok(first[command])] if command in first else []
        subject = "hello_world" if command == "submit" else JOB_ID
        result = run(FakeServer(*answers, ok(job(status))), command, subject, "--wait")
        assert result.exit_code == code

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (problem(400), 2),
            (problem(413), 2),
            (problem(401), 8),
            (problem(403), 8),
            (problem(404), 6),
            (problem(409), 7),
            (problem(429), 9),
            (problem(500), 1),
            (problem(503), 9),
            (httpx.ConnectError("refused"), 9),
            (httpx.ReadTimeout("late"), 9),
            (httpx.Response(200, content=b"<html>"), 1),
        ],
    )
    def test_a_refusal_has_the_code_of_its_kind(
        self, run: Run, answer: httpx.Response | Exception, code: int
    ) -> None:
        result = run(FakeServer(answer), "status", JOB_ID)
        assert (result.exit_code, result.stdout) == (code, "")
        assert result.stderr.startswith("geojobs: ")

    def test_a_wait_that_takes_too_long_has_its_own(self, run: Run) -> None:
        result = run(FakeServer(ok(job("processing"))), "status", JOB_ID, "--wait", "--timeout", "3")
        assert result.exit_code == 10
        assert "still processing after 3 s" in result.stderr

    def test_a_wait_that_is_interrupted_says_how_to_go_on(self, run: Run) -> None:
        def interrupt(_: httpx.Request) -> httpx.Response:
            raise KeyboardInterrupt

        result = run(FakeServer(ok(submission()), interrupt), "submit", "hello_world", "--wait")
        assert result.exit_code == 130
        assert f"geojobs status {JOB_ID} --wait" in result.stderr

    def test_a_follower_that_is_interrupted_ends_as_shells_expect(self, run: Run) -> None:
        def interrupt(_: httpx.Request) -> httpx.Response:
            raise KeyboardInterrupt

        assert run(FakeServer(interrupt), "events", JOB_ID, "--follow").exit_code == 130

    @pytest.mark.parametrize(
        "arguments",
        [
            ("status",),
            ("nonsense",),
            ("status", JOB_ID, "--colour"),
            ("submit", "x", "n"),
            ("submit", "x", "=3"),
            ("submit", "x", "n=1", "n=2"),
            ("submit", "x", "--params", "[1]"),
            ("submit", "x", "--params", "{"),
            ("submit", "x", "--params", "@absent.json"),
            ("submit", "x", "--priority", "urgent"),
            ("list", "--limit", "0"),
            ("list", "--all", "--limit", "5"),
            ("list", "--limit", "5", "--all"),
            ("tasks", JOB_ID, "--limit", "5", "--all"),
            ("poison", "list", "--limit", "5", "--all"),
            ("list", "--since", "yesterday"),
            ("events", JOB_ID, "--run", "0"),
            ("events", JOB_ID, "--entity", "row"),
            ("--url", "nonsense", "types"),
        ],
    )
    def test_what_is_written_wrongly_is_usage(self, run: Run, arguments: tuple[str, ...]) -> None:
        server = FakeServer(ok(submission()))
        result = run(server, *arguments)
        assert (result.exit_code, server.requests) == (2, [])

    def test_an_unhealthy_server_cannot_be_used(self, run: Run) -> None:
        health = {"status": "unhealthy", "checked_at": "2026-01-31T12:00:00Z", "components": {}}
        assert run(FakeServer(ok(health, 503)), "health").exit_code == 9

    def test_a_key_that_no_header_carries_is_usage(self, run: Run) -> None:
        assert run(FakeServer(ok()), "types", GEOJOBS_KEY="two words").exit_code == 2


class TestSubmit:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("3", 3),
            ("-1.5", -1.5),
            ("true", True),
            ("null", None),
            ('["a", 1]', ["a", 1]),
            ('{"b": {}}', {"b": {}}),
            ('"12"', "12"),
            ("hello", "hello"),
            ("a=b", "a=b"),
            ("", ""),
            ("NaN", "NaN"),
            ("Infinity", "Infinity"),
            ("0012", "0012"),
            ("[1,", "[1,"),
        ],
    )
    def test_a_value_is_json_where_it_is_json(self, run: Run, text: str, value: object) -> None:
        server = FakeServer(ok(submission(), 202))
        run(server, "submit", "hello_world", f"x={text}")
        assert json.loads(server.request.content) == {"x": value}

    def test_parameters_come_from_a_file_and_pairs_win(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "p.json").write_text('{"n": 1, "message": "käse"}', "utf-8")
        server = FakeServer(ok(submission()))
        run(server, "submit", "hello_world", "n=2", "--params", f"@{tmp_path / 'p.json'}")
        assert json.loads(server.request.content) == {"n": 2, "message": "käse"}

    def test_parameters_come_from_standard_input(self, run: Run) -> None:
        server = FakeServer(ok(submission()))
        run(server, "submit", "hello_world", "--params", "@-", stdin='{"n": 1}')
        assert json.loads(server.request.content) == {"n": 1}

    def test_the_id_alone_is_on_standard_output(self, run: Run) -> None:
        result = run(FakeServer(ok(submission())), "submit", "hello_world")
        assert (result.exit_code, result.stdout) == (0, f"{JOB_ID}\n")
        assert f"job {JOB_ID} submitted" in result.stderr

    def test_a_job_that_is_there_already_is_said_to_be(self, run: Run) -> None:
        result = run(FakeServer(ok(submission(created=False, status="failed"))), "submit", "hello_world")
        assert (result.exit_code, result.stdout) == (0, f"{JOB_ID}\n")
        assert "was there already, failed" in result.stderr

    def test_json_is_one_document_on_standard_output(self, run: Run) -> None:
        server = FakeServer(ok(submission()), ok(job("processing")), ok(job()))
        result = run(server, "submit", "hello_world", "--wait", "--json")
        assert json.loads(result.stdout)["status"] == "completed"
        assert "stage 1/2 greetings: open, 2 of 4 tasks completed, 0 failed" in result.stderr

    def test_options_are_sent(self, run: Run) -> None:
        server = FakeServer(ok(submission()))
        run(server, "submit", "x", "--priority", "low", "--callback-url", "https://me.example/")
        assert server.request.url.params["priority"] == "low"
        assert server.request.headers["X-Callback-URL"] == "https://me.example/"

    def test_a_dry_run_shows_the_plan(self, run: Run) -> None:
        stage = {"stage": 1, "name": "greetings", "task_type": "greet", "max_parallel_tasks": 5}
        plan = {
            "job_id": JOB_ID,
            "job_type": "x",
            "parameters": {},
            "stages": [stage],
            "first_stage_tasks": 3,
        }
        server = FakeServer(ok(plan))
        result = run(server, "submit", "x", "--dry-run")
        assert server.request.url.params["dry_run"] == "true"
        assert "greetings (greet)" in result.stdout

    def test_a_dry_run_shows_what_was_tried(self, run: Run) -> None:
        problem = {"code": "RASTER_CRS_MISSING", "message": "there is no CRS", "stage": 2}
        plan = {
            "job_id": JOB_ID,
            "job_type": "x",
            "parameters": {},
            "stages": [],
            "first_stage_tasks": 1,
            "trial": {"stages_run": 1, "results": [{"width": 7}], "problem": problem},
        }
        result = run(FakeServer(ok(plan)), "submit", "x", "--dry-run")
        assert '{"width":7}' in result.stdout
        assert "RASTER_CRS_MISSING in stage 2: there is no CRS" in result.stdout

    def test_each_invalid_field_is_named(self, run: Run) -> None:
        errors = [{"pointer": "/n", "message": "too small"}, {"pointer": "", "message": "wrong"}]
        answer = problem(400, "INVALID_PARAMETERS", "not valid", errors=errors, correlation_id="c9")
        result = run(FakeServer(answer), "submit", "hello_world", "n=0")
        assert result.stderr.splitlines() == [
            "geojobs: not valid (INVALID_PARAMETERS)",
            "  /n: too small",
            "  /: wrong",
            "  correlation id c9",
        ]


class TestResult:
    def test_it_goes_to_standard_output_as_it_is(self, run: Run) -> None:
        result = run(FakeServer(httpx.Response(200, content='{"a": "ä"}'.encode())), "result", JOB_ID)
        assert result.stdout_bytes == '{"a": "ä"}'.encode()

    def test_it_goes_into_a_file(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "result.json"
        result = run(FakeServer(httpx.Response(200, content=b"[1]")), "result", JOB_ID, "-o", str(path))
        assert (result.exit_code, result.stdout, path.read_bytes()) == (0, "", b"[1]")

    def test_a_result_that_breaks_off_leaves_no_file(self, run: Run, tmp_path: Path) -> None:
        class Broken(httpx.SyncByteStream):
            def __iter__(self):  # type: ignore[no-untyped-def]
                yield b"["
                raise httpx.ReadError("reset")

        path = tmp_path / "result.json"
        path.write_text("before")
        server = FakeServer(httpx.Response(200, stream=Broken()))
        assert run(server, "result", JOB_ID, "-o", str(path)).exit_code == 9
        assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("result.json", "before")]

    @pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
    def test_a_file_has_the_rights_of_any_new_one(
        self, run: Run, tmp_path: Path, umask: int, mode: int
    ) -> None:
        path = tmp_path / "result.json"
        before = os.umask(umask)
        try:
            run(FakeServer(httpx.Response(200, content=b"[1]")), "result", JOB_ID, "-o", str(path))
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o777 == mode

    def test_a_device_stays_what_it_is(self, run: Run, tmp_path: Path) -> None:
        device = tmp_path / "device"
        device.symlink_to("/dev/null")
        server = FakeServer(httpx.Response(200, content=b"[1]"))
        assert run(server, "result", JOB_ID, "-o", str(device)).exit_code == 0
        assert device.is_char_device()
        assert list(tmp_path.iterdir()) == [device]

    def test_a_result_for_a_folder_leaves_nothing_behind(self, run: Run, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        result = run(FakeServer(httpx.Response(200, content=b"[1]")), "result", JOB_ID, "-o", str(folder))
        assert (result.exit_code, result.stderr.count(f"{folder} could not be written")) == (1, 1)
        assert [*tmp_path.rglob("*")] == [folder]

    def test_a_file_that_cannot_be_written_is_said_to_be(self, run: Run, tmp_path: Path) -> None:
        server = FakeServer(httpx.Response(200, content=b"[1]"))
        result = run(server, "result", JOB_ID, "-o", str(tmp_path / "absent" / "result.json"))
        assert result.exit_code == 1
        assert "could not be written" in result.stderr

    def test_a_job_without_one_says_so(self, run: Run) -> None:
        result = run(FakeServer(problem(409, "RESULT_NOT_READY", "it runs")), "result", JOB_ID)
        assert (result.exit_code, result.stderr) == (7, "geojobs: it runs (RESULT_NOT_READY)\n")


class TestListing:
    def test_ids_stay_whole_in_a_pipe(self, run: Run) -> None:
        row = {**job(), "stage_results": None}
        result = run(FakeServer(ok({"jobs": [row], "next_cursor": "c7"})), "list")
        assert [JOB_ID, "hello_world", "completed"] in [
            line.split()[:3] for line in result.stdout.splitlines()
        ]
        assert "--cursor c7" in result.stderr

    def test_a_line_is_not_broken_in_a_pipe(self, run: Run) -> None:
        each = {"stages": [], "parameters_schema": {}, "example": {}}
        types = [{"job_type": name, "description": "word " * 200, **each} for name in ("x", "y")]
        lines = run(FakeServer(ok({"job_types": types})), "types").stdout.splitlines()
        assert [len(line) for line in lines[1:]] == [1009, 1009]

    def test_filters_are_sent(self, run: Run) -> None:
        server = FakeServer(ok({"jobs": []}))
        run(server, "list", "--status", "failed", "--type", "x", "--since", "2026-01-31", "--limit", "5")
        sent = dict(server.request.url.params)
        assert sent == {"status": "failed", "job_type": "x", "since": "2026-01-31T00:00:00", "limit": "5"}

    def test_all_pages_become_one(self, run: Run) -> None:
        pages = [ok({"jobs": [job()], "next_cursor": "c"}), ok({"jobs": [job()]})]
        result = run(FakeServer(*pages), "list", "--all", "--json")
        assert len(json.loads(result.stdout)["jobs"]) == 2

    @pytest.mark.parametrize(
        ("arguments", "page"),
        [
            (("list",), {"jobs": []}),
            (("tasks", JOB_ID), {"job_id": JOB_ID, "tasks": []}),
            (("poison", "list"), {"queues": {}, "dead_letters": []}),
        ],
    )
    @pytest.mark.parametrize("more", [(), ("--all",)])
    def test_a_page_or_all_of_them_begin_behind_a_cursor(
        self, run: Run, arguments: tuple[str, ...], page: object, more: tuple[str, ...]
    ) -> None:
        server = FakeServer(ok(page))
        assert run(server, *arguments, "--cursor", "c7", *more).exit_code == 0
        assert server.request.url.params["cursor"] == "c7"

    def test_all_dead_letters_are_those_of_every_page(self, run: Run) -> None:
        texts = dict.fromkeys(("queue", "message_id", "body", "error_code", "error"), "x")
        seen = dict.fromkeys(("first_seen_at", "last_seen_at"), "2026-01-31T12:00:00Z")
        row = {"dead_letter_id": 7, "size": 1, "dequeue_count": 1, **texts, **seen}
        pages = [ok({"queues": {"q": 1}, "dead_letters": [row], "next_cursor": c}) for c in ("c1", None)]
        server = FakeServer(*pages)
        result = run(server, "poison", "list", "--all", "--json")
        assert len(json.loads(result.stdout)["dead_letters"]) == 2
        assert [each.url.params.get("cursor") for each in server.requests] == [None, "c1"]

    def test_events_are_lines_of_json(self, run: Run) -> None:
        page = {"job_id": JOB_ID, "events": [event(1), event(2)], "next_cursor": "2", "complete": True}
        result = run(FakeServer(ok(page)), "events", JOB_ID, "--follow", "--json")
        assert [json.loads(line)["event_id"] for line in result.stdout.splitlines()] == [1, 2]

    @pytest.mark.parametrize("more", [(), ("--follow",)])
    def test_events_of_one_run_and_entity_are_asked_for(self, run: Run, more: tuple[str, ...]) -> None:
        page = {"job_id": JOB_ID, "events": [], "next_cursor": None, "complete": True}
        server = FakeServer(ok(page))
        assert run(server, "events", JOB_ID, "--run", "2", "--entity", "stage", *more).exit_code == 0
        assert dict(server.request.url.params) == {"run": "2", "entity": "stage", "limit": "500"}

    def test_control_characters_and_markup_of_others_do_nothing(self, run: Run) -> None:
        types = [
            {
                "job_type": "[red]x\x1b[2J\r",
                "description": "[/]\x07",
                "stages": [],
                "parameters_schema": {},
                "example": {},
            }
        ]
        result = run(FakeServer(ok({"job_types": types})), "types")
        assert "[red]x?[2J?" in result.stdout
        assert "[/]?" in result.stdout
        assert "\x1b" not in result.stdout

    def test_json_holds_no_character_that_a_terminal_acts_upon(self, run: Run) -> None:
        description = "\x9b2J\x7f\u202eexe.\u2066\u0085\u2028 ä\U0001f30d\U000e0041\n\x1b"
        each = {"job_type": "x", "description": description, "stages": [], "parameters_schema": {}}
        result = run(FakeServer(ok({"job_types": [{**each, "example": {}}]})), "types", "--json")
        assert json.loads(result.stdout)["job_types"][0]["description"] == description
        assert [char for char in result.stdout if not char.isprintable() and char != "\n"] == []
        assert "ä\U0001f30d" in result.stdout

    def test_parameters_are_described(self, run: Run) -> None:
        number = {"type": "integer", "default": 3, "description": "how many"}
        name = {"anyOf": [{"type": "string"}, {"type": "null"}]}
        schema: dict[str, Any] = {"properties": {"n": number, "name": name}, "required": ["name"]}
        found = {
            "job_type": "x",
            "description": "d",
            "stages": [],
            "parameters_schema": schema,
            "example": {"n": 1},
        }
        rows = [line.split() for line in run(FakeServer(ok(found)), "describe", "x").stdout.splitlines()]
        assert ["n", "integer", "3", "how", "many"] in rows
        assert ["name", "string", "or", "null", "required", "-"] in rows


@pytest.mark.parametrize(
    ("arguments", "answer", "method", "path"),
    [
        (("process",), {"processed": 1, "verdicts": {"unknown": 1}}, "POST", "monitor/poison"),
        (("replay", "7"), {"dead_letter_id": 7, "message": {}}, "POST", "monitor/poison/7/replay"),
        (("dispose", "7"), {"dead_letter_id": 7, "disposed": True}, "DELETE", "monitor/poison/7"),
        (("list",), {"queues": {"q-poison": 2}, "dead_letters": []}, "GET", "monitor/poison"),
    ],
)
def test_poison_has_its_commands(
    run: Run, arguments: tuple[str, ...], answer: object, method: str, path: str
) -> None:
    server = FakeServer(ok(answer))
    assert run(server, "poison", *arguments, "--json").exit_code == 0
    assert (server.request.method, server.request.url.path) == (method, f"/api/{path}")


def test_a_request_has_the_time_that_is_asked_for(run: Run) -> None:
    server = FakeServer(ok(job()))
    run(server, "--request-timeout", "2", "status", JOB_ID)
    assert server.request.extensions["timeout"]["read"] == 2


class TestCompletion:
    def complete(self, monkeypatch: pytest.MonkeyPatch, server: FakeServer, words: str) -> Result:
        connect = partial(GeoJobs, transport=httpx.MockTransport(server))
        monkeypatch.setattr(completion, "GeoJobs", connect)
        environment = {
            "_GEOJOBS_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
            "GEOJOBS_URL": URL,
        }
        return CliRunner().invoke(cli.app, [], env=environment, prog_name="geojobs")

    @pytest.mark.parametrize("words", ["geojobs submit he", "geojobs describe he", "geojobs list --type he"])
    def test_job_types_are_completed_from_the_server(
        self, monkeypatch: pytest.MonkeyPatch, words: str
    ) -> None:
        each = {"description": "d", "stages": [], "parameters_schema": {}, "example": {}}
        types = [{"job_type": name, **each} for name in ("hello_world", "list_container")]
        server = FakeServer(ok({"job_types": types}))
        assert self.complete(monkeypatch, server, words).stdout.split() == ["hello_world"]

    @pytest.mark.parametrize(
        "answer", [httpx.ConnectError("refused"), problem(401), ok({"job_types": [{"x": 1}]})]
    )
    def test_without_the_server_nothing_is_completed_and_nothing_said(
        self, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | Exception
    ) -> None:
        server = FakeServer(answer)
        result = self.complete(monkeypatch, server, "geojobs submit he")
        assert (result.output.strip(), len(server.requests)) == ("", 1)
