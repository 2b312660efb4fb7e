"""IndexDocumentJob: divides one document into chunks and gives each a vector. Done twice, the result is the same."""

from __future__ import annotations

from pitchbar_app.database import connect
from pitchbar_app.index.chunking import chunks as divide
from pitchbar_app.index.embedding import HashingEmbedder
from pitchbar_app.index.vectors import PgVectors, Vector, fingerprint
from pitchbar_app.jobs.context import settings
from pitchbar_app.store import Connection, chunks, pages, sources


def run(document_id: int) -> None:
    """Index the document."""
    worker = settings()
    with connect(worker.database, worker.app) as connection:
        index(connection, document_id)


def index(connection: Connection, document_id: int) -> None:
    """Index the document on this connection."""
    document = pages.document(connection, document_id)
    if document is None:
        return
    embedder, store = HashingEmbedder(), PgVectors(connection)
    made = divide(document.title, document.blocks)
    embeddings = embedder.embed([chunk.text for chunk in made])
    prints = [fingerprint(embedder.name, chunk.content_hash) for chunk in made]
    with connection.transaction():
        old, new = chunks.replace(connection, document_id, made)
        store.delete(old)
        store.put(Vector(*each) for each in zip(new, prints, embeddings, strict=False))
        pages.document_ended(connection, document_id, "indexed", None)
    sources.settle(connection, document.source_id)
