"""The function that counts jobs, against a real Redis in which real workers' jobs are."""

from __future__ import annotations
