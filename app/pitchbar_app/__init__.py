"""Pitchbar in small: a real web app, worker and realtime server that know only environment variables.

`python -m pitchbar_app web|worker|realtime|migrate` runs one process of one release.
"""
