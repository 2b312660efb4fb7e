"""Sends pages to be crawled and documents to be indexed.

Rows come first, jobs second: a row is marked as dispatched in the transaction that put its job on the queue. Whoever is
killed in between leaves a row without the mark, and its job is sent again; a job that was sent twice finds its work
done and ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pitchbar_app.crawl.options import RETRIES, Crawl
from pitchbar_app.queueing import queue
from pitchbar_app.store import Connection

if TYPE_CHECKING:
    from redis import Redis
    from rq.queue import EnqueueData

CRAWL = "pitchbar_app.jobs.crawl_page.run"
INDEX = "pitchbar_app.jobs.index_document.run"
FAILED = "pitchbar_app.jobs.failing.on_failure"
CRAWL_QUEUE, INDEX_QUEUE = "crawl", "index"
RESULT_TTL = 60
FAILURE_TTL = 7 * 24 * 3600
ABANDONED = "1 minute"


def source(connection: Connection, redis: Redis, options: Crawl, source_id: int, delay: float = 0) -> None:
    """Send what the source has that was not sent yet. With a delay, its pages follow one another at that distance."""
    with connection.transaction():
        pages = connection.execute(
            "SELECT id FROM pages WHERE source_id = %s AND status = 'queued' AND dispatched_at IS NULL "
            "ORDER BY id FOR UPDATE SKIP LOCKED",
            (source_id,),
        ).fetchall()
        _send(redis, options, CRAWL_QUEUE, CRAWL, [row[0] for row in pages], delay)
        _mark(connection, "pages", [row[0] for row in pages])
    with connection.transaction():
        documents = connection.execute(
            "SELECT id FROM documents WHERE source_id = %s AND status = 'queued' AND dispatched_at IS NULL "
            "ORDER BY id FOR UPDATE SKIP LOCKED",
            (source_id,),
        ).fetchall()
        _send(redis, options, INDEX_QUEUE, INDEX, [row[0] for row in documents])
        _mark(connection, "documents", [row[0] for row in documents])


def documents(connection: Connection, redis: Redis, options: Crawl, ids: Sequence[int]) -> None:
    """Send these documents to be indexed again."""
    _send(redis, options, INDEX_QUEUE, INDEX, ids)
    _mark(connection, "documents", ids)


def left_behind(connection: Connection, redis: Redis, options: Crawl) -> int:
    """Send what was written to the database a while ago and never sent; the result is how many sources had such."""
    rows = connection.execute(
        "SELECT DISTINCT source_id FROM ("
        " SELECT source_id, updated_at FROM pages WHERE status = 'queued' AND dispatched_at IS NULL UNION ALL"
        " SELECT source_id, updated_at FROM documents WHERE status = 'queued' AND dispatched_at IS NULL"
        ") AS waiting WHERE updated_at < now() - %s::interval",
        (ABANDONED,),
    ).fetchall()
    for (source_id,) in rows:
        source(connection, redis, options, source_id)
    return len(rows)


def _send(redis: Redis, options: Crawl, name: str, function: str, ids: Sequence[int], delay: float = 0) -> None:
    if not ids:
        return
    target, jobs = queue(name, redis), [_job(options, function, each) for each in ids]
    if not delay:
        target.enqueue_many(jobs)
        return
    start = datetime.now(UTC)
    for number, job in enumerate(jobs):
        made = target.create_job(
            job.func,
            args=job.args,
            timeout=job.timeout,
            result_ttl=job.result_ttl,
            failure_ttl=job.failure_ttl,
            description=job.description,
            retry=job.retry,
            on_failure=job.on_failure,
        )
        target.schedule_job(made, start + timedelta(seconds=delay * (number + 1)))


def _job(options: Crawl, function: str, argument: int) -> EnqueueData:
    from rq import Callback, Queue, Retry

    return Queue.prepare_data(
        function,
        args=(argument,),
        timeout=options.timeout,
        result_ttl=RESULT_TTL,
        failure_ttl=FAILURE_TTL,
        description=f"{function.split('.')[-2]} {argument}",
        retry=Retry(max=RETRIES, interval=list(options.backoff)),
        on_failure=Callback(FAILED),
    )


def _mark(connection: Connection, table: str, ids: Sequence[int]) -> None:
    if ids:
        connection.execute(f"UPDATE {table} SET dispatched_at = now() WHERE id = ANY(%s)", (list(ids),))
