"""Measures what the project promises about speed, beside what the same work takes without it: `python -m bench`."""
