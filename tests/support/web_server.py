"""A small web server that takes calls and remembers them, for what the app calls by itself."""

import http.server
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_LONGEST_SECONDS = 30


class WebServer(http.server.ThreadingHTTPServer):
    """Answers every POST with ``status``; while ``slow`` it does not answer at all before it is closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.slow = False
        self.closing = threading.Event()
        self.received: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts?token=do-not-log-me"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: WebServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.received.append(json.loads(body))
        if self.server.slow:
            self.server.closing.wait(_LONGEST_SECONDS)
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 -- the base class has it so
        return


@contextmanager
def running_web_server() -> Generator[WebServer]:
    server = WebServer()
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
