"""The reference workflow engine."""
