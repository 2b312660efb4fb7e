"""The parts of set-up: one module for each kind."""
