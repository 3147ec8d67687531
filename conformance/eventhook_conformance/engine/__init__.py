"""Runs cases against a target: schedules them, decides their results, and handles late arrivals."""
