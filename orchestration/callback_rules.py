"""Which callbacks may be asked for."""

from collections.abc import Sequence

from schema.api import API_PREFIX
from schema.callback_urls import AllowedHosts, UnfitUrlError
from schema.callbacks import CallbackRequest, NewCallback
from schema.errors import FieldError, InvalidParametersError
from schema.public_urls import MAX_BASE_URL_LENGTH


class CallbackRules:
    """Only to hosts on the list; without a secret to sign with, none."""

    def __init__(self, allowed: AllowedHosts, *, can_sign: bool, absolute_links: bool = False) -> None:
        """``absolute_links``: it is known where callers find this app, and not from what they say."""
        self._allowed = allowed
        self._can_sign = can_sign
        self._absolute_links = absolute_links

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

    def base_url(self, found_at: str) -> str:
        """What the links of a callback begin with. A caller may put any host into a request; none may put it
        into a message that we sign."""
        fits = self._absolute_links and len(found_at) <= MAX_BASE_URL_LENGTH
        return found_at if fits else API_PREFIX

    def _fit(self, url: str) -> str:
        if not self._can_sign:
            raise UnfitUrlError("callbacks are not set up here (CALLBACK_SECRET); submit without")
        return self._allowed.checked(url).url


NO_CALLBACKS = CallbackRules(AllowedHosts(), can_sign=False)
