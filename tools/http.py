"""Requests to servers on this machine."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import cast

from tools.report import ToolError

JSONObject = dict[str, object]

# A proxy meant for the outside would not reach the loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> JSONObject:
        """The body, which must be a JSON object; raises ``ToolError``."""
        try:
            value: object = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ToolError(f"expected a JSON object (status {self.status}): {self.body[:200]!r}")
        return cast("JSONObject", value)


def request(method: str, url: str, body: object = None, seconds: float = 30.0) -> Answer:
    """Any answer, an error's too; raises ``ToolError`` where there is none."""
    data = None if body is None else json.dumps(body).encode()
    sent = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310 -- our own address
    try:
        with _OPENER.open(sent, timeout=seconds) as response:
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as exc:
        with exc:
            return Answer(exc.code, exc.read())
    except OSError as exc:
        raise ToolError(f"{method} {url} got no answer: {exc}") from None


def expect(answer: Answer, what: str, *statuses: int) -> JSONObject:
    """The body of an answer of one of these statuses; raises ``ToolError`` that shows another's problem."""
    if answer.status in statuses:
        return answer.json()
    raise ToolError(
        f"{what} failed with status {answer.status}: {answer.body[:1000].decode(errors='replace')}"
    )
