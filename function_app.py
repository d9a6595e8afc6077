"""The function app: settings, wiring, blueprints. Importing it opens no connection."""

import atexit

import azure.functions as func

from bootstrap import bootstrap
from config import load_settings
from triggers.blueprints import blueprints

app = func.FunctionApp()

_application = bootstrap(load_settings())
atexit.register(_application.close)

for blueprint in blueprints(_application):
    app.register_functions(blueprint)
