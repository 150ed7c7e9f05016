"""Taking an installation away in one file, while it serves, and putting it somewhere else."""
