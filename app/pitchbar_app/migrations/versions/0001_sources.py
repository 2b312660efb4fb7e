"""Sources, which Pitchbar answers from, and the canaries that prove a worker."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision: str | None = None
phase = "expand"


def upgrade() -> None:
    """Make the first two tables."""
    op.execute("""
        CREATE TABLE sources (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            url text NOT NULL UNIQUE,
            status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'crawling', 'ready', 'failed')),
            error text,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("""
        CREATE TABLE canaries (
            id uuid PRIMARY KEY,
            release text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        )
    """)


def downgrade() -> None:
    """Remove what `upgrade` made."""
    op.execute("DROP TABLE canaries")
    op.execute("DROP TABLE sources")
