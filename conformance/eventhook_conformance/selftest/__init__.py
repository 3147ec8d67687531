"""Tests the suite itself: what it catches, and whether it changes its mind."""
