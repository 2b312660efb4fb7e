"""`audit-vectors`: does the vector store hold what the chunks' table says, no more and no less?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass

import psycopg
from redis.exceptions import RedisError

from pitchbar_app import dispatch
from pitchbar_app.database import connect
from pitchbar_app.index.embedding import Embedder, HashingEmbedder
from pitchbar_app.index.vectors import PgVectors, VectorStore, fingerprint
from pitchbar_app.redis_clients import blocking
from pitchbar_app.settings import Worker
from pitchbar_app.store import Connection, chunks


@dataclass(frozen=True)
class Drift:
    """What does not agree. `documents` are the ones whose indexing, done again, mends what is missing or stale."""

    chunks: int
    missing: tuple[int, ...]
    stale: tuple[int, ...]
    orphaned: tuple[int, ...]
    documents: tuple[int, ...]

    @property
    def clean(self) -> bool:
        """True where everything agrees."""
        return not (self.missing or self.stale or self.orphaned)


def run(settings: Worker, *, repair: bool, as_json: bool) -> int:
    """Print the drift and, if asked, repair it; the result is the exit status."""
    try:
        with connect(settings.database, settings.app) as connection:
            drift = audit(connection, PgVectors(connection), HashingEmbedder())
            if repair:
                _repair(connection, settings, drift)
    except (psycopg.OperationalError, RedisError) as error:
        print(f"The vectors cannot be audited: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(drift) | {"clean": drift.clean, "repaired": repair}) if as_json else _tell(drift, repair))
    return 0 if drift.clean or repair else 1


def audit(connection: Connection, store: VectorStore, embedder: Embedder) -> Drift:
    """Compare the chunks with the store."""
    vectors = dict(store.ids())
    missing: list[int] = []
    stale: list[int] = []
    documents: dict[int, None] = {}
    count = 0
    for chunk_id, document_id, content_hash in chunks.all_hashes(connection):
        count += 1
        found = vectors.pop(chunk_id, None)
        if found != fingerprint(embedder.name, content_hash):
            (missing if found is None else stale).append(chunk_id)
            documents[document_id] = None
    orphaned = _still_orphaned(connection, vectors)
    return Drift(count, tuple(missing), tuple(stale), orphaned, tuple(documents))


def _still_orphaned(connection: Connection, vectors: dict[int, str]) -> tuple[int, ...]:
    """Vectors without a chunk; one whose document is being indexed at this moment is none."""
    rows = connection.execute("SELECT id FROM chunks WHERE id = ANY(%s)", (list(vectors),))
    return tuple(vectors.keys() - {row[0] for row in rows})


def _repair(connection: Connection, settings: Worker, drift: Drift) -> None:
    """Index the documents again, forget the vectors that belong to nothing, and send what was never sent."""
    PgVectors(connection).delete(drift.orphaned)
    with blocking(settings.redis, settings.app) as redis:
        dispatch.documents(connection, redis, settings.crawl, drift.documents)
        dispatch.left_behind(connection, redis, settings.crawl)


def _tell(drift: Drift, repaired: bool) -> str:
    if drift.clean:
        return f"All {drift.chunks} chunks have their vector, and there is no other vector."
    found = (
        f"Of {drift.chunks} chunks {len(drift.missing)} have no vector and {len(drift.stale)} an outdated one; "
        f"{len(drift.orphaned)} vectors belong to no chunk."
    )
    if repaired:
        return f"{found} {len(drift.documents)} documents were sent to be indexed again, the others were removed."
    return f"{found} To repair this, type: python -m pitchbar_app audit-vectors --repair"
