"""Known failures: recorded in a file that people edit, and compared with a new run."""
