"""Real worker processes over a real database, both disturbed, and a check of all that is left."""
