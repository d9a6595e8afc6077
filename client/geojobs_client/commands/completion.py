"""Shell completion of what the server knows; away or closed to us, it completes nothing and says nothing."""

import typer

from geojobs_client.client import GeoJobs
from geojobs_client.errors import GeoJobsError

_SECONDS = 2.0


def complete_job_type(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Job types with their descriptions."""
    options = ctx.find_root().params
    try:
        with GeoJobs(
            options.get("url"),
            key=options.get("key"),
            token=options.get("token"),
            timeout=_SECONDS,
            retries=0,
        ) as geojobs:
            found = geojobs.job_types()
    except GeoJobsError:
        return []
    return [(each.job_type, each.description) for each in found if each.job_type.startswith(incomplete)]
