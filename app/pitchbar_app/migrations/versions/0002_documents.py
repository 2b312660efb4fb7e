"""Pages, documents and their chunks, the vectors beside them, and settings that are encrypted under APP_KEY."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision: str | None = "0001"
phase = "expand"


def upgrade() -> None:
    """Make the tables of the crawler and the index.

    The extension needs a superuser: whoever makes the database creates it there, and this line finds it in place.
    """
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.execute("""
        ALTER TABLE sources
            ADD COLUMN host text,
            ADD COLUMN robots text,
            ADD COLUMN max_pages integer NOT NULL DEFAULT 200,
            ADD COLUMN max_depth integer NOT NULL DEFAULT 5
    """)
    op.execute("""
        CREATE TABLE pages (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            source_id bigint NOT NULL REFERENCES sources ON DELETE CASCADE,
            url text NOT NULL,
            depth integer NOT NULL,
            status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'done', 'failed', 'skipped')),
            error text,
            dispatched_at timestamptz,
            updated_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (source_id, url)
        )
    """)
    op.execute("""
        CREATE TABLE documents (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            source_id bigint NOT NULL REFERENCES sources ON DELETE CASCADE,
            page_id bigint NOT NULL UNIQUE REFERENCES pages ON DELETE CASCADE,
            url text NOT NULL,
            title text NOT NULL,
            blocks jsonb NOT NULL,
            content_hash text NOT NULL,
            status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'indexed', 'failed')),
            error text,
            dispatched_at timestamptz,
            updated_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (source_id, content_hash)
        )
    """)
    op.execute("""
        CREATE TABLE chunks (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            document_id bigint NOT NULL REFERENCES documents ON DELETE CASCADE,
            position integer NOT NULL,
            heading text NOT NULL,
            anchor text NOT NULL,
            body text NOT NULL,
            content_hash text NOT NULL,
            search tsvector NOT NULL GENERATED ALWAYS AS (
                setweight(to_tsvector('english', heading), 'A') || setweight(to_tsvector('english', body), 'B')
            ) STORED,
            UNIQUE (document_id, position)
        )
    """)
    op.execute("CREATE INDEX chunks_search ON chunks USING gin (search)")
    # No foreign key to chunks: this stands for a vector store that may be another service, and is audited like one.
    op.execute("""
        CREATE TABLE vectors (
            chunk_id bigint PRIMARY KEY,
            fingerprint text NOT NULL,
            embedding vector(384) NOT NULL
        )
    """)
    op.execute("""
        CREATE INDEX vectors_embedding ON vectors USING hnsw (embedding vector_cosine_ops)
        WITH (m = 8, ef_construction = 32)
    """)
    op.execute("""
        CREATE TABLE app_settings (
            name text PRIMARY KEY,
            value text NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now()
        )
    """)


def downgrade() -> None:
    """Remove what `upgrade` made."""
    for table in ("app_settings", "vectors", "chunks", "documents", "pages"):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE sources DROP COLUMN host, DROP COLUMN robots, DROP COLUMN max_pages, DROP COLUMN max_depth")
