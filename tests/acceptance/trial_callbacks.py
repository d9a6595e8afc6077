"""Callbacks of a trial: real ones, to a receiver on this machine whose names stand for public addresses."""

import json
import os
import socket
import ssl

from interfaces.callbacks import CallbackSender
from repositories.webhooks import WebhookSender
from schema.callback_urls import AllowedHosts
from tests.support.https_receiver import resolver


def trial_sender(own: CallbackSender, allowed: AllowedHosts) -> CallbackSender:
    """The app's own unless the trial has a receiver: its port, its authority, and the addresses of names. The
    rules for both stay on: they lie between resolving and connecting."""
    port = os.environ.get("TRIAL_RECEIVER_PORT")
    if port is None:
        return own
    names = json.loads(os.environ["TRIAL_NAMES"])

    def dial(_: str, __: int, seconds: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", int(port)), seconds)

    return WebhookSender(
        allowed,
        resolve=resolver(names),
        dial=dial,
        trust=lambda: ssl.create_default_context(cafile=os.environ["TRIAL_AUTHORITY"]),
    )
