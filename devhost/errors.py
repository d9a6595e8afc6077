"""What can be wrong with an app or its surroundings, and with a message.

``DevhostError``
    ``StartError``: the app cannot be served; the message says why
    ``MessageLostError``: the message, or its queue, is gone, or another process holds it
    ``StorageUnavailableError``: the storage account did not answer as it should
"""


class DevhostError(Exception):
    """The root of this package's errors."""


class StartError(DevhostError):
    """The app, its settings or its surroundings cannot be served."""


class MessageLostError(DevhostError):
    """The pop receipt is no longer valid: there is nothing left to settle."""


class StorageUnavailableError(DevhostError):
    """The storage account did not answer as it should; ``reason`` names the kind, never an address."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the storage account did not answer as it should: {reason}")
        self.reason = reason
