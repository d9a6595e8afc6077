"""The small Protocols through which orchestration, services and repositories meet."""
