"""The explorer: everything that may go wrong, drawn from a seed and checked."""
