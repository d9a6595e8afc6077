"""No test of the client sees the settings of whoever runs it."""

import pytest


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEOJOBS_URL", "GEOJOBS_KEY", "GEOJOBS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
