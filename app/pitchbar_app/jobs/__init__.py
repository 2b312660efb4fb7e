"""The jobs that a worker runs, one module each. A job takes and returns JSON values only."""
