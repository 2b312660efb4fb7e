"""Our Python language host for the Pulumi CLI: see `server.py`."""
