"""When the kernel gives up a peer that is gone without a word; the same for every database."""

KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 10, 5, 4
"""Seconds without a word before it is asked, seconds between two questions, and how many."""
UNACKNOWLEDGED = 30_000
"""Milliseconds in which it acknowledges nothing of what it was sent."""
