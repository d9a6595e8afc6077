"""The function app: settings, wiring, blueprints. Importing it opens no connection."""

import atexit

import azure.functions as func

from bootstrap import bootstrap
from config import load_settings
from repositories.logs import configure_logging
from triggers.blueprints import blueprints

app = func.FunctionApp()

_settings = load_settings()
configure_logging(_settings.log_format, _settings.log_level)
_application = bootstrap(_settings)
atexit.register(_application.close)

for blueprint in blueprints(_application):
    app.register_functions(blueprint)
