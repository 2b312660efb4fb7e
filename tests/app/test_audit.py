"""`audit-vectors`: every kind of drift is found, and repaired by indexing the documents again."""

from __future__ import annotations

import json
from typing import Any

from tests.app.api import Client
from tests.app.processes import Launcher
from tests.app.website import page, website
from tests.support.processes import wait_until
from tests.support.services import Postgres


def audit(app: Launcher, *options: str) -> tuple[int, dict[str, Any]]:
    done = app.run("audit-vectors", "--json", *options)
    return done.returncode, json.loads(done.stdout)


def test_drift_is_found_and_repaired(app: Launcher, postgres: Postgres) -> None:
    app.start("worker")
    client, database = Client(app.start("web", wait="/ready")), app.environment["DB_DATABASE"]
    pages = {
        f"/{name}": page(name, f"A text about {name} and nothing else.") for name in ("otters", "beavers", "moles")
    }
    with website({**pages, "/": page("Home", "Animals.", *pages)}) as site:
        client.wait_for(client.add(site.url()), "ready")
    assert audit(app) == (
        0,
        {"chunks": 4, "missing": [], "stale": [], "orphaned": [], "documents": [], "clean": True, "repaired": False},
    )
    clean = app.run("audit-vectors")
    assert clean.stdout == "All 4 chunks have their vector, and there is no other vector.\n"
    first, second, third, _ = postgres.execute("SELECT id FROM chunks ORDER BY id", database).split()
    postgres.execute(f"DELETE FROM vectors WHERE chunk_id = {first}", database)
    postgres.execute(f"UPDATE vectors SET fingerprint = 'another-model:x' WHERE chunk_id = {second}", database)
    postgres.execute(
        f"INSERT INTO vectors SELECT 999999, 'x', embedding FROM vectors WHERE chunk_id = {third}", database
    )
    status, drift = audit(app)
    assert status == 1
    assert (drift["missing"], drift["stale"], drift["orphaned"]) == ([int(first)], [int(second)], [999999])
    assert len(drift["documents"]) == 2
    told = app.run("audit-vectors")
    assert (told.returncode, told.stdout) == (
        1,
        "Of 4 chunks 1 have no vector and 1 an outdated one; 1 vectors belong to no chunk. "
        "To repair this, type: python -m pitchbar_app audit-vectors --repair\n",
    )
    assert audit(app, "--repair")[0] == 0
    wait_until(lambda: audit(app)[0] == 0, "the vectors are made again")
    assert client.ask("otters")["links"][0]["page"] == site.url("/otters")


def test_what_was_never_sent_is_sent_by_a_repair(app: Launcher, postgres: Postgres) -> None:
    """As after a crash between the commit of a page and its job."""
    app.start("worker")
    client, database = Client(app.start("web", wait="/ready")), app.environment["DB_DATABASE"]
    with website({"/": page("Home", "A text about otters.")}) as site:
        postgres.execute(f"INSERT INTO sources (url, host) VALUES ('{site.url()}', 'x')", database)
        postgres.execute(
            "INSERT INTO pages (source_id, url, depth, updated_at) "
            "SELECT id, url, 0, now() - interval '1 hour' FROM sources",
            database,
        )
        source = int(postgres.execute("SELECT id FROM sources", database))
        assert audit(app, "--repair")[0] == 0
        assert client.wait_for(source)["status"] == "ready"


def test_a_database_that_does_not_answer_is_a_sentence(app: Launcher) -> None:
    done = app.run("audit-vectors", DB_PORT="1")
    assert done.returncode == 1
    assert done.stderr.startswith("The vectors cannot be audited: connection failed")
    assert "Traceback" not in done.stderr
