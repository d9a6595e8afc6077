"""What lies in a container: counted, listed, described, indexed."""
