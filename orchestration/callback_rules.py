"""Which callbacks may be asked for."""

from collections.abc import Sequence

from schema.callback_urls import AllowedHosts, UnfitUrlError
from schema.callbacks import CallbackRequest, NewCallback
from schema.errors import FieldError, InvalidParametersError


class CallbackRules:
    """Only to hosts on the list; without a secret to sign with, none."""

    def __init__(self, allowed: AllowedHosts, *, can_sign: bool) -> None:
        self._allowed = allowed
        self._can_sign = can_sign

    def checked(self, requests: Sequence[CallbackRequest]) -> list[NewCallback]:
        """Raises ``InvalidParametersError`` that names each address that is not taken, by where it stood."""
        found: list[NewCallback] = []
        problems: list[FieldError] = []
        for request in requests:
            try:
                found.append(
                    NewCallback(self._fit(request.url), request.notify, request.form, request.wanted)
                )
            except UnfitUrlError as exc:
                problems.append(FieldError(request.source, str(exc)))
        if problems:
            raise InvalidParametersError("the job was not submitted: it cannot be called back", problems)
        return found

    def _fit(self, url: str) -> str:
        if not self._can_sign:
            raise UnfitUrlError("callbacks are not set up here (CALLBACK_SECRET); submit without")
        return self._allowed.checked(url).url


NO_CALLBACKS = CallbackRules(AllowedHosts(), can_sign=False)
