"""Why the explorer does not notice a bug, in words."""

REASONS: dict[str, str] = {}
