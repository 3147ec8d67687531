"""What is known not to hold, and what is new beside it."""
