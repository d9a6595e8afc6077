"""What only some requests need is loaded with the first of them, not at every start."""

import os
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

_SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "POSTGRES_PASSWORD": "unused",
    "AUTH_MODE": "anonymous",
}


@pytest.mark.parametrize(
    "package", ["prometheus_client", "triggers.openapi", "triggers.api_document", "flask", "flask_swagger_ui"]
)
def test_a_package_is_not_loaded_with_the_app(package: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, function_app; sys.exit({package!r} in sys.modules)"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **_SETTINGS},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
