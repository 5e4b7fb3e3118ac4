"""Fuzzing of every reader: seeds, mutators, targets, a child process with limits. `python -m tests.fuzz --help`."""
