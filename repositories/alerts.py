"""Calls the operators at an address they configured."""

import logging
from http import HTTPStatus

import requests

from schema.json_types import JSONObject

_log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = (5, 10)


class WebhookAlerts:
    """Implements ``interfaces.alerts.AlertSink``: a JSON document POSTed to ``url``; without one, nothing."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    def alert(self, subject: str, facts: JSONObject) -> None:
        if self._url is None:
            return
        try:
            with requests.post(
                self._url,
                json={"subject": subject, **facts},
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,  # the body is of no interest, and may never end
            ) as answer:
                status = answer.status_code
        except (requests.RequestException, ValueError) as exc:  # the latter for addresses that are none
            _log.error("alert was not delivered", extra={"subject": subject, "error": type(exc).__name__})
            return
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            _log.error("alert was not taken", extra={"subject": subject, "status": status})
