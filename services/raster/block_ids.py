"""The names of the blocks that a COG is staged in."""

HEADER_LEVEL = 99
"""The level that a header's blocks have."""


def block_id(run: int, attempt: int, level: int, number: int) -> str:
    """All of one length, as the service wants it, and of one attempt alone: attempts never mix."""
    return f"r{run:04d}-a{attempt:04d}-l{level:02d}-c{number:08d}"
