"""What every job may use: the settings of the worker that runs it, set once before the first job."""

from __future__ import annotations

from pitchbar_app.settings import Worker

_settings: Worker | None = None


def configure(settings: Worker) -> None:
    """Make the worker's settings known to the jobs it will run."""
    global _settings
    _settings = settings


def settings() -> Worker:
    """The settings of the worker that runs this job."""
    if _settings is None:
        raise RuntimeError("Jobs run in a worker: start it with `python -m pitchbar_app worker`.")
    return _settings
