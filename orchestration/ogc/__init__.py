"""OGC API - Processes - Part 1: job types as processes, jobs as the standard describes them."""
