"""The HTTP server, in a thread of its own, so that the main thread is free for signals."""

import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from devhost.errors import StartError

_START_SECONDS = 15.0
_KEEP_ALIVE_SECONDS = 130
_BACKLOG = 2048


class _Server(uvicorn.Server):
    """Says when it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()


class HttpServer:
    """Serves an ASGI application at an address; port 0 means any free one."""

    def __init__(self, app: ASGIApp, host: str, port: int, grace_seconds: int) -> None:
        self._socket = _bind(host, port)
        bound: tuple[str, int] = self._socket.getsockname()[:2]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        self.url = f"http://{shown}:{bound[1]}"
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=grace_seconds,
            )
        )
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Returns once connections are accepted; raises ``StartError``."""
        self._thread.start()
        if not self._server.accepting.wait(_START_SECONDS):
            raise StartError("the HTTP server did not start in time")

    def stop(self) -> None:
        """Accept nothing more; requests under way are answered within the grace."""
        self._server.should_exit = True

    def join(self, timeout: float) -> bool:
        """Whether all requests were answered in time. The socket is closed in either case."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._socket.close()
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _bind(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
        )
    except OSError as exc:
        raise StartError(f"port {port} of {host} cannot be listened on: {exc.strerror}") from exc
    # Connections inherit it. asyncio sets it only on sockets made for TCP by name, which this one is not; and
    # without it each answer waits 40 ms for the caller to acknowledge its headers.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
