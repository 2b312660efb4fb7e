"""Going back: across releases, failures and migrations, by the command and by bare pulumi."""

import getpass
import json

import pytest

from infra import checks
from infra.endpoints import url_endpoint
from tests.support.stack import Stack, World

EXPAND = '''"""Adds a column."""

from __future__ import annotations

from alembic import op

revision = "{revision}"
down_revision = "{down}"
phase = "{phase}"


def upgrade() -> None:
    """Change the schema."""
    op.execute("{statement}")
'''


@pytest.fixture
def stack(world: World) -> Stack:
    return world.stack("back")


def up(stack: Stack) -> str:
    stack.pitchbar("up", "--yes").must_succeed()
    return str(stack.outputs()["release"])


def serving(stack: Stack) -> str:
    answer = checks.http_get(url_endpoint(stack.outputs()["app_url"]), "/up", timeout=60)
    return str(json.loads(answer.body)["release"])


def listed(stack: Stack) -> dict[str, dict[str, object]]:
    done = stack.pitchbar("releases", "--json").must_succeed()
    return {entry["id"]: entry for entry in json.loads(done.output[done.output.index("{") :])["releases"]}


def migrate(world: World, revision: str, phase: str, statement: str) -> None:
    versions = world.app / "pitchbar_app" / "migrations" / "versions"
    down = max(path.name[:4] for path in versions.glob("*.py"))
    text = EXPAND.format(revision=revision, down=down, phase=phase, statement=statement)
    (versions / f"{revision}_test.py").write_text(text)


def test_there_is_nothing_to_go_back_to_at_first(stack: Stack) -> None:
    first = up(stack)
    refused = stack.pitchbar("rollback", "--yes")
    assert refused.code == 1
    assert "Stack back has no earlier release to roll back to." in refused.output
    assert listed(stack)[first]["running"] is True


def test_a_rollback_and_its_rollback(world: World, stack: Stack) -> None:
    first = serving(stack)
    world.release("second")
    second = up(stack)
    assert listed(stack)[first]["can_roll_back"] is True
    assert f"{getpass.getuser()}  " in stack.pitchbar("releases").output, "who"
    unconfirmed = stack.pitchbar("rollback", "--to", first)
    assert unconfirmed.output.strip().endswith(f"pitchbar rollback -s back --to {first} --yes")
    admin = stack.outputs()["admin_password"]
    stack.pitchbar("rollback", "--yes").must_succeed()
    assert serving(stack) == stack.outputs()["release"] == first
    stack.pitchbar("rollback", "--yes").must_succeed()
    assert serving(stack) == second
    assert stack.outputs()["admin_password"] == admin, "secrets are never replayed"
    assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_failed_updates_do_not_confuse_it(world: World, stack: Stack) -> None:
    second = serving(stack)
    with world.broken("worker.py", "raise SystemExit('broken')"):
        assert stack.pitchbar("up", "--yes").code == 1
    [broken] = [entry for entry in listed(stack).values() if entry["result"] == "failed"]
    assert broken["obstacle"] == "it was never deployed successfully"
    refused = stack.pitchbar("rollback", "--to", str(broken["id"]), "--yes")
    assert f"can't be rolled back to {broken['id']}: it was never deployed successfully." in refused.output
    stack.pitchbar("rollback", "--to", second, "--yes").must_succeed()
    assert serving(stack) == second


def test_bare_pulumi_rolls_back_too(stack: Stack) -> None:
    second = serving(stack)
    [first] = [id for id, entry in listed(stack).items() if entry["can_roll_back"]]
    stack.pulumi("config", "set", "pitchbar:release", first).must_succeed()
    stack.pulumi("up", "--yes", "--skip-preview").must_succeed()
    assert serving(stack) == first != second
    stack.pulumi("config", "set", "pitchbar:release", "000000000000").must_succeed()
    refused = stack.pulumi("up", "--yes", "--skip-preview")
    assert refused.code != 0
    assert "The pinned release 000000000000 is not in the release store, which holds" in refused.output
    assert serving(stack) == first


def test_across_a_migration_that_expands(world: World, stack: Stack) -> None:
    before = up(stack)
    migrate(world, "0901", "expand", "ALTER TABLE sources ADD COLUMN note text")
    after = up(stack)
    assert stack.outputs()["schema_revision"] == "0901"
    stack.pitchbar("rollback", "--to", before, "--yes").must_succeed()
    assert serving(stack) == before
    assert stack.outputs()["schema_revision"] == "0901", "the schema stays as it is"
    stack.pitchbar("rollback", "--to", after, "--yes").must_succeed()


def test_across_a_migration_that_contracts(world: World, stack: Stack) -> None:
    before = serving(stack)
    migrate(world, "0902", "contract", "ALTER TABLE sources DROP COLUMN note")
    after = up(stack)
    refused = stack.pitchbar("rollback", "--to", before, "--yes")
    assert refused.code == 1
    assert (
        f"can't be rolled back to {before}: the database is at revision 0902, on which it can't run." in refused.output
    )
    stack.pulumi("config", "set", "pitchbar:release", before).must_succeed()
    bare = stack.pulumi("up", "--yes", "--skip-preview")
    assert bare.code != 0
    assert "The database is at revision 0902, which this release does not know" in bare.output
    assert serving(stack) == after


def test_a_destructive_migration_that_says_it_expands_is_no_release(world: World, stack: Stack) -> None:
    after = serving(stack)
    migrate(world, "0903", "expand", "DROP TABLE canaries")
    refused = stack.pitchbar("up", "--yes")
    assert refused.code == 1
    assert 'says phase = "expand", but its upgrade() has "DROP TABLE"' in refused.output
    assert serving(stack) == after
