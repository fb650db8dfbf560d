"""DAG functions as documents."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from weft import DAG, Param, TaskGroup, TriggerRule, chain, dag, task, task_group
from weft.dags import registered
from weft.document import Catalogue


@dataclass
class City:
    name: str


@task
def cities() -> list[City]:
    return [City("Berlin")]


@task(retries=3, retry_delay=timedelta(seconds=30), timeout="5m", grants={"http": "api.example.org"})
def population(city: City, year: int = 2026) -> int:
    """How many live there."""
    return len(city.name) * year


@task
def total(counts: list[int]) -> int:
    return sum(counts)


def document(function):
    return function.build().document()


def test_calls_are_edges_and_settings_are_fields():
    @dag(schedule="0 6 * * *", timezone="Europe/Berlin", tags={"b", "a"}, start_date=datetime(2026, 1, 1))
    def census(year: int = 2025):
        """People of cities."""
        total(population.partial(year=year).expand(city=cities()))

    found = document(census)
    assert found["id"] == "census"
    assert found["description"] == "People of cities."
    assert found["schedule"] == "0 6 * * *"
    assert found["tags"] == ["a", "b"]
    assert found["start"] == "2026-01-01T00:00:00"
    assert found["params"] == {"year": {"schema": {"type": "integer"}, "default": 2025}}
    population_ = found["tasks"]["population"]
    assert population_["inputs"] == {"year": {"param": "year"}}
    assert population_["expand"] == {"city": "cities"}
    assert population_["retries"] == 3
    assert population_["retry_delay"] == 30
    assert population_["timeout"] == "5m"
    assert population_["grants"] == {"http": ["api.example.org"]}
    assert population_["description"] == "How many live there."
    assert population_["types"]["output"] == {"type": "integer"}
    assert found["tasks"]["total"]["inputs"] == {"counts": "population"}


def test_a_task_called_twice_gets_a_number():
    @dag
    def twice():
        cities()
        cities()
        cities.override(task_id="more", retries=1)()

    assert twice.build().task_ids == ["cities", "cities__1", "more"]
    assert document(twice)["tasks"]["more"] == {"retries": 1, "types": document(twice)["tasks"]["cities"]["types"]}


def test_parts_of_outputs_are_pointers():
    @task(multiple_outputs=True)
    def split():
        return {"a/b": [1], "c": 2}

    @dag
    def parts():
        whole = split()
        total.override(task_id="first")(whole["a/b"])
        total.override(task_id="second")([whole["c"], 5, whole["a/b"][0]])

    tasks = document(parts)["tasks"]
    assert tasks["first"]["inputs"] == {"counts": {"task": "split", "pointer": "/a~1b"}}
    assert tasks["second"]["inputs"] == {
        "counts:0": {"task": "split", "pointer": "/c"},
        "counts:1": {"task": "split", "pointer": "/a~1b/0"},
    }
    assert parts.test(check=True).output("second") == 8


def test_order_without_data():
    @task
    def step(): ...

    @dag
    def ordered():
        a, b, c, d = (step.override(task_id=name)() for name in "abcd")
        a >> [b, c] >> d
        e = step.override(task_id="e")()
        chain(d, e)
        [b, c] >> e

    tasks = document(ordered)["tasks"]
    assert tasks["b"]["after"] == ["a"]
    assert tasks["d"]["after"] == ["b", "c"]
    assert tasks["e"]["after"] == ["d", "b", "c"]


def test_groups_prefix_ids_and_stand_in_the_order():
    @task
    def step(n: int = 0) -> int:
        return n

    @task_group
    def both(n):
        return step.override(task_id="second")(step.override(task_id="first")(n))

    @dag
    def grouped():
        start = step.override(task_id="start")()
        one = both(1)
        two = both(2)
        start >> one >> two
        with TaskGroup("last") as last:
            step()
        two >> last

    tasks = document(grouped)["tasks"]
    assert list(tasks) == ["start", "both.first", "both.second", "both__1.first", "both__1.second", "last.step"]
    assert tasks["both.first"]["after"] == ["start"]
    assert tasks["both__1.first"]["after"] == ["both.second"]
    assert tasks["last.step"]["after"] == ["both__1.second"]


def test_default_args_are_the_tasks():
    @task(retries=5)
    def own(): ...

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def other(): ...

    with DAG("defaults", default_args={"retries": 2, "owner": "me", "retry_delay": timedelta(minutes=5)}) as built:
        own() >> other()
    tasks = built.document()["tasks"]
    assert tasks["own"] == {"retries": 5, "retry_delay": 300}
    assert tasks["other"] == {"retries": 2, "retry_delay": 300, "trigger_rule": "all_done", "after": ["own"]}
    assert registered() == [built]


def test_params_may_say_more():
    @dag(params={"size": Param(5, type="integer", minimum=1, description="how many"), "plain": "x"})
    def asked(name: str, note: str = None):  # noqa: RUF013
        cities()

    assert document(asked)["params"] == {
        "size": {"schema": {"type": "integer", "minimum": 1}, "default": 5, "description": "how many"},
        "plain": {"default": "x"},
        "name": {"schema": {"type": "string"}},
        "note": {"schema": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "default": None},
    }


def test_dates_in_a_zone_make_it_the_schedules():
    from weft import pendulum

    @dag(start_date=pendulum.datetime(2026, 1, 1, 6, tz="Europe/Berlin"), schedule=pendulum.duration(hours=1))
    def zoned():
        cities()

    @dag(start_date=pendulum.datetime(2026, 1, 1), end_date=pendulum.parse("2026-02-01T00:00:00Z"))
    def plain():
        cities()

    found = document(zoned)
    assert (found["start"], found["timezone"], found["schedule"]) == (
        "2026-01-01T06:00:00",
        "Europe/Berlin",
        "every 1h",
    )
    found = document(plain)
    assert (found["start"], found["end"]) == ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00")
    assert "timezone" not in found
    assert pendulum.today().hour == 0
    assert pendulum.now("UTC").utcoffset() == timedelta(0)


def test_tasks_of_one_id_in_two_dags_are_distinguished():
    @dag
    def one():
        total(population.expand(city=cities()))

    @dag
    def two():
        cities()

    catalogue = Catalogue(registered())
    dags = {found["id"]: found for found in catalogue.document["dags"]}
    assert dags["one"]["tasks"]["cities"]["task"] == "one/cities"
    assert dags["two"]["tasks"]["cities"]["task"] == "two/cities"
    assert "task" not in dags["one"]["tasks"]["total"]
    assert set(catalogue.tasks) == {"one/cities", "two/cities", "population", "total"}


def test_a_dag_that_is_called_is_made_once():
    @dag
    def called():
        cities()

    made = called()
    assert registered() == [made]


BAD = [
    ("is missing", lambda: total()),
    ("no input 'x'|unexpected keyword", lambda: total([], x=1)),
    ("counts\\[0\\]: expected int, got str 'a'", lambda: total(["a"])),
    ("did you mean retries", lambda: total.override(retires=3)([])),
    ("max_active_runs=1", lambda: total.override(depends_on_past=True)([])),
    ("can't be tested", lambda: total([1] if cities() else [])),
    ("can't be gone through", lambda: [total([x]) for x in cities()]),
    ("can't be made text", lambda: population(f"{cities()}")),
    ("needs something to map over", lambda: total.expand()),
    ("takes a list or one task's output", lambda: total.expand(counts=[cities(), cities()])),
    ("nothing can wait for it", lambda: cities() >> 5),
    ("expand_kwargs", lambda: total.expand_kwargs([{}])),
]


@pytest.mark.parametrize(("message", "call"), BAD, ids=[message for message, _ in BAD])
def test_mistakes_are_explained(message, call):
    @dag
    def mistaken():
        call()

    with pytest.raises(TypeError, match=message):
        mistaken.build()


def test_functions_that_can_not_be_tasks():
    with pytest.raises(TypeError, match="asyncio.run"):

        @task
        async def later(): ...

    with pytest.raises(AttributeError, match="requirements.txt"):
        task.virtualenv

    @task
    def many(*args): ...

    @dag
    def wrong():
        many()

    with pytest.raises(TypeError, match="replace \\*args by a list"):
        wrong.build()


def test_a_dag_without_tasks_is_refused():
    @dag
    def empty(): ...

    with pytest.raises(TypeError, match="has no task"):
        document(empty)
    with pytest.raises(TypeError, match="there is no DAG"):
        Catalogue([])
