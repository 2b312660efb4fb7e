"""PostgreSQL's data has a name, by which those that depend on it notice that it was made anew."""

from typing import Any

from infra.provider.local.postgres import Inputs, PostgresResource
from tests.support.environment import DATABASE_PASSWORD, Environment

RESOURCE = PostgresResource()


def inputs(home: Environment, **changes: Any) -> Inputs:
    return Inputs(home.directory, "pitchbar", "pitchbar", DATABASE_PASSWORD, **changes)


def test_data_made_anew_has_another_name(home: Environment) -> None:
    _, first = RESOURCE.create(inputs(home))
    assert first.cluster
    assert RESOURCE.create(inputs(home))[1].cluster == first.cluster, "taken over, it is the same data"
    assert RESOURCE.update("postgres", first, inputs(home, settings={"work_mem": "5MB"})).cluster == first.cluster
    RESOURCE.delete("postgres", first)
    _, second = RESOURCE.create(inputs(home))
    assert second.cluster not in ("", first.cluster)
    read = RESOURCE.read("postgres", first)
    assert read is not None and read.cluster == second.cluster, "a refresh tells the truth"


def test_data_of_an_earlier_version_has_no_name_and_stays_as_it_is(home: Environment) -> None:
    RESOURCE.create(inputs(home))
    (home.layout.postgres / "data" / "pitchbar.cluster").unlink()
    _, state = RESOURCE.create(inputs(home))
    assert state.cluster == ""
    assert RESOURCE.read("postgres", state) == state
