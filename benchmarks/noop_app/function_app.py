"""The function app with the no-op job type instead of the real ones, for the local host to load."""

import os

import azure.functions as func

from benchmarks.noop import noop_catalogs
from benchmarks.round_trips import count_round_trips
from bootstrap import bootstrap
from config import load_settings
from triggers.blueprints import blueprints

app = func.FunctionApp()

_round_trips = count_round_trips()
_catalogs = noop_catalogs(int(os.environ.get("BENCHMARK_MAX_PARALLEL_TASKS", "200")))

for blueprint in blueprints(bootstrap(load_settings(), catalogs=_catalogs)):
    app.register_functions(blueprint)


@app.function_name("round_trips")
@app.route("benchmark/round-trips", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def round_trips(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 -- the host passes it
    return func.HttpResponse(str(_round_trips.count))
