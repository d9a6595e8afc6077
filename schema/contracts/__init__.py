"""The typed parameters and results of the task types, where controllers and handlers meet."""
