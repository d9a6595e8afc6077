"""The names of the queues."""

JOB_QUEUE = "geospatial-jobs"
TASK_QUEUE = "geospatial-tasks"
POISON_SUFFIX = "-poison"
ALL_QUEUES = (JOB_QUEUE, TASK_QUEUE, JOB_QUEUE + POISON_SUFFIX, TASK_QUEUE + POISON_SUFFIX)
