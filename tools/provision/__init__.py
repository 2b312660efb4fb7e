"""Set-up: see `tools/setup`."""
