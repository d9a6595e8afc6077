"""Timer triggers: relay what was left in the outbox, deliver callbacks, sweep up what was left behind, remove
what is old."""

import azure.functions as func

from triggers.application import Application


def timer_blueprint(application: Application) -> func.Blueprint:
    blueprint = func.Blueprint()

    @blueprint.function_name("relay_outbox")
    @blueprint.timer_trigger(arg_name="timer", schedule="*/10 * * * * *", run_on_startup=False)
    def relay_outbox(timer: func.TimerRequest) -> None:  # noqa: ARG001  # pyright: ignore[reportUnusedFunction] -- the host passes it
        application.relay.drain()

    @blueprint.function_name("deliver_callbacks")
    @blueprint.timer_trigger(arg_name="timer", schedule="*/5 * * * * *", run_on_startup=False)
    def deliver_callbacks(timer: func.TimerRequest) -> None:  # noqa: ARG001  # pyright: ignore[reportUnusedFunction] -- the host passes it
        application.callbacks()

    @blueprint.function_name("sweep")
    @blueprint.timer_trigger(arg_name="timer", schedule="30 * * * * *", run_on_startup=False)
    def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001  # pyright: ignore[reportUnusedFunction] -- the host passes it
        application.sweeper()

    @blueprint.function_name("clean_up")
    @blueprint.timer_trigger(arg_name="timer", schedule="0 17 3 * * *", run_on_startup=False)
    def clean_up(timer: func.TimerRequest) -> None:  # noqa: ARG001  # pyright: ignore[reportUnusedFunction] -- the host passes it
        application.retention()

    return blueprint
