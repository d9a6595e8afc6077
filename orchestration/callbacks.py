"""Tells subscribers how a run went: what is sent, how it is signed, and when it is tried again."""

import base64
import hashlib
import hmac
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from random import random
from urllib.parse import urlsplit

from pydantic_core import to_json

from interfaces.callbacks import CallbackRepository, CallbackSender, SendOutcome, Sent
from interfaces.clock import Clock
from orchestration.viewing import job_links
from schema.api import API_PREFIX
from schema.callbacks import CallbackForm, CallbackRecord, JobCallback, JobNews
from schema.errors import DatabaseUnavailableError, ServiceUnavailableError
from schema.json_types import JSONObject
from schema.policies import RetryPolicy
from schema.states import FINAL_JOB_STATES

_log = logging.getLogger(__name__)

SCHEDULE = RetryPolicy(attempts=8, base_seconds=10, factor=4, cap_seconds=3 * 3600, jitter=0.2)
LONGEST_RETRY_AFTER_SECONDS = 6 * 3600.0
LONGEST_DUE_SECONDS = 24 * 3600.0

_PAGE = 16
_LONGEST_PASS_SECONDS = 60.0
_POSTPONED_SECONDS = 30.0
_POSTPONED_SHARE = 0.1

BodyOf = Callable[[CallbackRecord], JSONObject]
"""Makes the body that tells a callback's news."""


class Signer:
    """Signs as Standard Webhooks has it: HMAC-SHA256 over id, time of the attempt, and body.

    Each secret signs, so that receivers can change from one to the next.
    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = secrets

    def headers(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        signed = f"{message_id}.{timestamp}.".encode() + body
        digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in self._secrets)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
        }


def job_body(callback: CallbackRecord) -> JSONObject:
    """The body of form ``job``. Its links lie below ``base_url``, which may have a path of its own."""
    links = {name: link.removeprefix(API_PREFIX) for name, link in job_links(callback.job_id).items()}
    news = JobNews(
        job_id=callback.job_id,
        job_type=callback.job_type,
        status=callback.status,
        run=callback.run,
        created_at=callback.job_created_at,
        finished_at=callback.happened_at if callback.status in FINAL_JOB_STATES else None,
        correlation_id=callback.correlation_id,
        error=callback.error,
        links={name: f"{callback.base_url}{link}" for name, link in links.items()},
    )
    body = JobCallback(type=f"job.{callback.status.value}", timestamp=callback.happened_at, data=news)
    return body.model_dump(mode="json", exclude_none=True)


class CallbackDelivery:
    """Delivers what is due, several at once. No transaction is held while a call travels: rows are claimed,
    called, then told how it went; a process that dies between leaves a claim that runs out."""

    def __init__(
        self,
        callbacks: CallbackRepository,
        sender: CallbackSender,
        signer: Signer | None,
        bodies: Mapping[CallbackForm, BodyOf],
        clock: Clock,
        *,
        concurrency: int = 8,
        luck: Callable[[], float] = random,
    ) -> None:
        """Without a ``signer`` nothing is delivered; it waits. ``luck`` gives numbers from 0 to 1."""
        self._callbacks = callbacks
        self._sender = sender
        self._signer = signer
        self._bodies = bodies
        self._clock = clock
        self._luck = luck
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="callback")
        self._closed = False
        self._gate = threading.Lock()

    def __call__(self) -> int:
        """Deliver until nothing is due, for a minute at most; returns how many were tried."""
        if self._signer is None:
            return 0
        tried = 0
        end = self._clock.monotonic() + _LONGEST_PASS_SECONDS
        while not self._closed and (due := self._callbacks.claim(_PAGE)):
            calls = self._begun(due, self._signer)
            tried += len([call.result() for call in calls])
            if self._clock.monotonic() >= end:
                break
        return tried

    def close(self) -> None:
        """Begin nothing more, and wait for the calls that are under way."""
        with self._gate:
            self._closed = True
        self._threads.shutdown(wait=True)

    def _begun(self, due: Sequence[CallbackRecord], signer: Signer) -> Sequence[Future[None]]:
        """Nothing where this was closed meanwhile: what is claimed then is anybody's in a minute."""
        with self._gate:
            if self._closed:
                return []
            return [self._threads.submit(self._deliver, callback, signer) for callback in due]

    def _deliver(self, callback: CallbackRecord, signer: Signer) -> None:
        sent = self._sent(callback, signer)
        try:
            self._record(callback, sent)
        except DatabaseUnavailableError:
            _log.warning(
                "the outcome of a callback was not recorded; it is sent again",
                extra=_facts(callback),
                exc_info=True,
            )

    def _sent(self, callback: CallbackRecord, signer: Signer) -> Sent:
        try:
            if (held_up := self._sender.held_up(callback.url)) is not None:
                return held_up
            body = to_json(self._bodies[callback.form](callback))
            now = int(self._clock.now().timestamp())
            signed = signer.headers(f"msg_{callback.message_id.hex}", now, body)
            return self._sender.send(callback.url, body, {"Content-Type": "application/json", **signed})
        except ServiceUnavailableError as exc:
            return Sent(SendOutcome.POSTPONED, f"its body could not be made: {exc.code}")
        except Exception:  # noqa: BLE001 -- the loop's boundary: one that cannot be sent stops no other
            _log.exception("a callback failed unexpectedly", extra=_facts(callback))
            return Sent(SendOutcome.REJECTED, "it failed before it was sent; the log says why")

    def _record(self, callback: CallbackRecord, sent: Sent) -> None:
        facts = {**_facts(callback), "outcome": sent.outcome.value, "error": sent.error}
        if sent.outcome is SendOutcome.TAKEN:
            self._callbacks.delivered(callback)
            _log.info("callback delivered", extra=facts)
            return
        delay = self._delay(callback, sent)
        postponed = sent.outcome is SendOutcome.POSTPONED
        tell = self._callbacks.postponed if postponed else self._callbacks.not_delivered
        tell(callback, sent.error, delay)
        facts["delay_seconds"] = delay and delay.total_seconds()
        if delay is None:
            _log.warning("callback given up", extra=facts)
        elif postponed:
            _log.info("callback postponed", extra=facts)
        else:
            _log.info("callback not delivered", extra=facts)

    def _delay(self, callback: CallbackRecord, sent: Sent) -> timedelta | None:
        """How long to wait; ``None`` for no more, as for all that would wait for more than a day in sum."""
        age = (self._clock.now() - callback.due_since).total_seconds()
        if sent.outcome is SendOutcome.POSTPONED:
            wait = self._postponed_for(age, sent)
        elif sent.outcome is SendOutcome.REJECTED and callback.attempt + 1 < SCHEDULE.attempts:
            wait = self._after_attempts(callback.attempt + 1, sent)
        else:
            return None
        return timedelta(seconds=wait) if age + wait <= LONGEST_DUE_SECONDS else None

    def _postponed_for(self, age: float, sent: Sent) -> float:
        """Seconds. What has waited for long is looked at less often, and never all of it at once."""
        least = max(sent.retry_after or _POSTPONED_SECONDS, _POSTPONED_SHARE * age)
        return least * (1 + SCHEDULE.jitter * self._luck())

    def _after_attempts(self, attempts: int, sent: Sent) -> float:
        """Seconds, after so many attempts."""
        planned = min(SCHEDULE.cap_seconds, SCHEDULE.base_seconds * SCHEDULE.factor ** (attempts - 1))
        asked = min(sent.retry_after or 0.0, LONGEST_RETRY_AFTER_SECONDS)
        return max(planned * (1 - SCHEDULE.jitter * self._luck()), asked)


def _facts(callback: CallbackRecord) -> dict[str, object]:
    """What a log may say: of the address, the host."""
    return {
        "callback_id": callback.callback_id,
        "job_id": callback.job_id,
        "run": callback.run,
        "correlation_id": callback.correlation_id,
        "status": callback.status.value,
        "host": urlsplit(callback.url).hostname,
        "attempt": callback.attempt + 1,
    }
