"""In-memory stand-ins for the interfaces; the contract suites hold them to what the real ones do."""
