"""Routes that describe the API: the OpenAPI document, and a page to read and try it."""

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from orchestration.viewing import JobTypeViewer
from schema.access import AuthMode
from schema.errors import AssetNotFoundError
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route

_OWN = Path(__file__).parents[1] / "web" / "docs"
_PACKAGE = "flask_swagger_ui"  # for its files alone: nothing of it is imported

_OWN_ASSETS = {"initializer.js": "text/javascript"}
ASSETS = {
    **_OWN_ASSETS,
    "favicon-32x32.png": "image/png",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "swagger-ui.css": "text/css",
}

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True)
class _Content:
    """Something that does not change while the process lives, with what tells one version from another."""

    data: bytes
    tag: str

    @classmethod
    def of(cls, data: bytes) -> "_Content":
        return cls(data, f'"{hashlib.sha256(data).hexdigest()[:32]}"')


def openapi_json(app: Application, request: Request) -> Response:
    """Describe every route in OpenAPI 3.1."""
    content = _document(app.job_types, app.auth_mode)
    return _answer(request, content, "application/json", "no-cache")


def docs(app: Application, request: Request) -> Response:  # noqa: ARG001 -- the same for every app
    """Show a page to read the API and to try it."""
    content = _page(below=request.instance.endswith("/"))
    response = _answer(request, content, "text/html", "no-cache")
    return Response(response.status, response.body, {**response.headers, "Content-Security-Policy": _POLICY})


def docs_asset(app: Application, request: Request) -> Response:  # noqa: ARG001 -- the same for every app
    """Send a file of the page."""
    name = request.route["asset"]
    media_type = ASSETS.get(name)
    if media_type is None:
        raise AssetNotFoundError(name)
    return _answer(request, _asset(name), media_type, "public, max-age=3600")


def _answer(request: Request, content: _Content, media_type: str, kept: str) -> Response:
    headers = {"ETag": content.tag, "Cache-Control": kept, **_SAFE}
    if content.tag in request.headers.get("if-none-match", ""):
        return Response(304, None, headers)
    return Response(200, content.data, {**headers, "Content-Type": media_type})


@lru_cache(maxsize=2)
def _document(job_types: JobTypeViewer, mode: AuthMode) -> _Content:
    # only where it is asked for: it takes longer than all else that is imported here, and knows all routes
    from triggers.api_document import api_document  # noqa: PLC0415
    from triggers.blueprints import ROUTES  # noqa: PLC0415

    return _Content.of(to_json(api_document(ROUTES, job_types.registrations(), mode)))


@cache
def _page(*, below: bool) -> _Content:
    """The page's addresses are relative; with a slash at its own address's end it seems one level deeper."""
    text = (_OWN / "index.html").read_text("utf-8")
    shifted = text.replace('="docs/', '="./').replace('="openapi.json', '="../openapi.json')
    return _Content.of((shifted if below else text).encode())


@cache
def _asset(name: str) -> _Content:
    return _Content.of(((_OWN if name in _OWN_ASSETS else _swagger_files()) / name).read_bytes())


def _swagger_files() -> Path:
    found = find_spec(_PACKAGE)
    assert found is not None and found.origin is not None  # noqa: PT018, S101 -- requirements.txt names it
    return Path(found.origin).parent / "dist"


_TAG = "description"
_KEPT = ("ETag", "Cache-Control")

DOCUMENTATION_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "openapi_json",
        "GET",
        "openapi.json",
        Access.OPEN,
        openapi_json,
        {200: Answer("The document.", headers=_KEPT), 304: Answer("As it was.", headers=_KEPT)},
        _TAG,
    ),
    Route(
        "docs",
        "GET",
        "docs",
        Access.OPEN,
        docs,
        {
            200: Answer("The page.", media_type="text/html", headers=(*_KEPT, "Content-Security-Policy")),
            304: Answer("As it was.", headers=_KEPT),
        },
        _TAG,
    ),
    Route(
        "docs_asset",
        "GET",
        "docs/{asset}",
        Access.OPEN,
        docs_asset,
        {
            200: Answer("The file.", media_type="*/*", headers=_KEPT),
            304: Answer("As it was.", headers=_KEPT),
        },
        _TAG,
        problems=(404,),
    ),
)
