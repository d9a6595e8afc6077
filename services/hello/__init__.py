"""The greetings of ``hello_world``."""
