"""The servers and launchers of the app's tests, for those that take longer than `make test` may."""

from tests.app.conftest import app, database, folder, migrated, postgres, redis

__all__ = ["app", "database", "folder", "migrated", "postgres", "redis"]
