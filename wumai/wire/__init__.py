"""Between processes: that a job was created is told to the workers of others."""
