"""Runs cases against a target: who runs when, what each came to, and what arrived late."""
