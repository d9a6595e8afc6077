"""``process_raster`` as the trials run it: with leases of seconds, and attempts enough."""

from dataclasses import replace
from datetime import timedelta

from controllers import process_raster
from registration import TASKS, JobCatalog, TaskCatalog
from schema.policies import RetryPolicy

LEASE_SECONDS = 2.0


def register_rasters(jobs: JobCatalog, tasks: TaskCatalog) -> None:
    """Enter the job type and its tasks, otherwise as they are."""
    retry = RetryPolicy(attempts=10, base_seconds=0.05, factor=1, cap_seconds=0.1)
    needed = {
        contract.task_type
        for stage in process_raster.REGISTRATION_INFO.stages
        for contract in stage.contracts
    }
    for info, handler in TASKS:
        if info.contract.task_type in needed:
            tasks.register(replace(info, lease=timedelta(seconds=LEASE_SECONDS), retry=retry), handler)
    jobs.register(process_raster.REGISTRATION_INFO)
