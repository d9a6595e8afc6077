"""The function app, its callbacks led to a receiver of the test as if its name stood for a public address."""

import os
import socket
import ssl
from dataclasses import replace

import azure.functions as func

from bootstrap import bootstrap
from config import load_settings
from parts import Parts
from repositories.webhooks import WebhookSender
from schema.callback_urls import AllowedHosts
from tests.support.https_receiver import PUBLIC_ADDRESS, RECEIVER, resolver
from triggers.blueprints import blueprints

app = func.FunctionApp()


def _dial(address: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(os.environ["RECEIVER_PORT"])), seconds)


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ["RECEIVER_AUTHORITY"])


def _led_to_the_receiver(parts: Parts) -> Parts:
    names = resolver({RECEIVER: [PUBLIC_ADDRESS]})
    sender = WebhookSender(AllowedHosts([RECEIVER]), resolve=names, dial=_dial, trust=_trust)
    return replace(parts, sender=sender)


for blueprint in blueprints(bootstrap(load_settings(), adapt=_led_to_the_receiver)):
    app.register_functions(blueprint)
