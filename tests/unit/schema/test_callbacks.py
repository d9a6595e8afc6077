"""The secrets that callbacks are signed with."""

import base64

import pytest

from schema.callbacks import signing_secrets


def written(secret: bytes) -> str:
    return f"whsec_{base64.b64encode(secret).decode()}"


def test_secrets_stand_with_spaces_between() -> None:
    new, old = bytes(range(24)), bytes(range(64))
    assert signing_secrets(f"{written(new)} {written(old)}") == [new, old]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "whsec_",
        "whsec_????",
        written(b"x" * 23),
        written(b"x" * 65),
        base64.b64encode(b"x" * 32).decode(),
        f"{written(b'x' * 32)} {written(b'x')}",
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        signing_secrets(text)
    shown = str(caught.value)
    assert [part for part in text.replace("whsec_", " ").split() if part in shown] == []
