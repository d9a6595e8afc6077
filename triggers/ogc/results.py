"""Results as the caller wants them: one document, or each output as it is."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from secrets import token_hex

from pydantic_core import to_json

from orchestration.ogc.results import JobResults, Output
from schema.ogc import Link, ResponseForm, TransmissionMode
from triggers.http import Response
from triggers.ogc.errors import accepts

MULTIPART = "multipart/related"
_JSON = "application/json"
_END = b"\r\n"


def results_response(results: JobResults, headers: Mapping[str, str]) -> Response:
    """In the form that was asked for at execution. Without one, a single output comes as it is, and several
    in a document, unless the caller takes ``multipart/related``. Null is a value of those that come as they
    are."""
    form = results.form or _chosen(results.outputs, headers)
    if form is ResponseForm.DOCUMENT:
        return Response(HTTPStatus.OK, results.document())
    return _raw(results.outputs)


def _chosen(outputs: Sequence[Output], headers: Mapping[str, str]) -> ResponseForm:
    raw = len(outputs) == 1 or accepts(headers, MULTIPART)
    return ResponseForm.RAW if raw else ResponseForm.DOCUMENT


def _raw(outputs: Sequence[Output]) -> Response:
    if all(output.mode is TransmissionMode.REFERENCE for output in outputs):
        links = ", ".join(_link(output.name, output.link) for output in outputs if output.link is not None)
        return Response(HTTPStatus.NO_CONTENT, None, {"Link": links} if links else {})
    if len(outputs) == 1:
        return Response(HTTPStatus.OK, to_json(outputs[0].value), {"Content-Type": _JSON})
    boundary = token_hex(16)
    sent = [output for output in outputs if output.mode is TransmissionMode.VALUE or output.link is not None]
    parts = b"".join(_part(output, boundary) for output in sent)
    content_type = f'{MULTIPART}; type="{_JSON}"; boundary={boundary}'
    return Response(HTTPStatus.OK, parts + f"--{boundary}--".encode() + _END, {"Content-Type": content_type})


def _link(name: str, link: Link) -> str:
    """As RFC 8288 writes it."""
    return f'<{link.href}>; rel="item"; type="{link.type}"; title="{name}"'


def _part(output: Output, boundary: str) -> bytes:
    """As RFC 2387 has it; the output's name is the part's id, and a reference is where its content is."""
    lines = [f"--{boundary}", f"Content-ID: {output.name}", f"Content-Type: {_JSON}"]
    if output.link is not None:
        lines.append(f"Content-Location: {output.link.href}")
    content = b"" if output.link is not None else to_json(output.value)
    return b"".join(line.encode() + _END for line in lines) + _END + content + _END
