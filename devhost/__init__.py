"""The local host: runs the unmodified ``function_app`` as the Azure Functions host does. Never deployed."""
