"""A small control plane: what a team that uses wumai would write."""
