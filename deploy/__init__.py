"""Running Parley on one machine: what `make run` does, and the supervisor behind it."""
