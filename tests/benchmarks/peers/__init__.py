"""wumai beside what else runs jobs: `tox -e bench-peers` measures all in one run."""
