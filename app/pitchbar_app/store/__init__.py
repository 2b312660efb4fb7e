"""What is kept in PostgreSQL, as functions on a connection in autocommit mode."""

from __future__ import annotations

from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]
