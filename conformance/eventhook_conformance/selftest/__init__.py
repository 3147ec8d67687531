"""Tests the suite itself: which bugs it catches, and whether its verdicts stay the same."""
