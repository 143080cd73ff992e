"""The job engine: claims due jobs, runs their handlers, writes their outcomes."""
