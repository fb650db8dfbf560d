"""DAG functions as documents."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

import pytest

from weft import DAG, Param, RateLimit, TaskGroup, TriggerRule, chain, dag, task, task_group
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


SEVERAL = ["0 6 * * 1-5", "0 12 * * 6", "2026-12-24T06:00"]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (None, None),
        ("@daily", "@daily"),
        (["@once"], "@once"),
        (SEVERAL, SEVERAL),
        (tuple(SEVERAL), SEVERAL),
        ({"every 2h", "0 6 * * *", date(2026, 12, 24)}, ["0 6 * * *", "2026-12-24", "every 2h"]),
        ([timedelta(minutes=15), "@weekly"], ["every 15m", "@weekly"]),
        ([datetime(2026, 12, 24, 6), date(2026, 12, 31)], ["2026-12-24T06:00:00", "2026-12-31"]),
        ([datetime(2026, 12, 24, 6, tzinfo=timezone(timedelta(hours=1)))], ["2026-12-24T06:00:00+01:00"]),
        (date(2026, 12, 24), ["2026-12-24"]),
        ("2026-12-24T06:00", ["2026-12-24T06:00"]),
    ],
)
def test_one_schedule_is_text_and_several_are_a_list(given, written):
    @dag(schedule=given)
    def scheduled():
        cities()

    assert document(scheduled).get("schedule") == written


def test_holidays_are_days():
    @dag(schedule="@daily", holidays=["2026-12-24", "12-25", date(2026, 12, 31), datetime(2027, 1, 1)])
    def daily():
        cities()

    @dag(schedule=SEVERAL, holidays={date(2026, 12, 24): "Christmas Eve"})
    def named():
        cities()

    @dag(schedule="@daily", holidays={"12-26", "12-25"})
    def yearly():
        cities()

    assert document(daily)["holidays"] == ["2026-12-24", "12-25", "2026-12-31", "2027-01-01"]
    assert document(named)["holidays"] == ["2026-12-24"]
    assert document(yearly)["holidays"] == ["12-25", "12-26"]


WRONG = [
    ("schedule: a schedule is cron, .* not 5; assets create runs", {"schedule": ["@daily", 5]}),
    ("schedule: 'orders' is no schedule; assets create runs", {"schedule": ["@daily", "orders"]}),
    ("schedule: a schedule is a time", {"schedule": {"any": ["orders"]}}),
    ("schedule: a schedule is a time", {"schedule": [["@daily"]]}),
    ("schedule: a list of schedules has at least one", {"schedule": []}),
    ("holidays: a holiday is a date, .* not '25.12.2026'", {"holidays": ["25.12.2026"]}),
    ("holidays: a holiday is a date, .* not datetime", {"holidays": [datetime(2026, 12, 25, 18)]}),
    ("holidays: 'int' object is not iterable", {"holidays": 1225}),
]


@pytest.mark.parametrize(("message", "given"), WRONG, ids=[str(given) for _, given in WRONG])
def test_wrong_schedules_and_holidays_are_explained(message, given):
    @dag(**given)
    def wrong():
        cities()

    with pytest.raises(TypeError, match=message):
        wrong.build()


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


def test_a_teardown_names_its_setups():
    @task
    def create(name: str = "x") -> str:
        return name

    @task
    def work(cluster: str): ...

    @task
    def destroy(cluster: str): ...

    @dag
    def cluster():
        made, other = create(), create("other")
        worked = work(made)
        destroyed = destroy(made)
        assert destroyed.teardown_of(made, fails_run=True) is destroyed
        worked >> destroyed
        destroy(made).teardown_of([made, other])
        worked >> destroy(made).as_teardown(setups=made, on_failure_fail_dagrun=False)
        destroy("any").teardown_of()

    tasks = document(cluster)["tasks"]
    for fields in tasks.values():
        fields.pop("types", None)
    assert tasks["destroy"] == {
        "inputs": {"cluster": "create"},
        "after": ["work"],
        "teardown_of": ["create"],
        "teardown_fails_run": True,
    }
    assert tasks["destroy__1"] == {"inputs": {"cluster": "create"}, "teardown_of": ["create", "create__1"]}
    assert tasks["destroy__2"] == {"inputs": {"cluster": "create"}, "after": ["work"], "teardown_of": ["create"]}
    assert tasks["destroy__3"] == {"inputs": {"cluster": {"value": "any"}}, "teardown_of": []}


def test_a_teardown_has_no_rule_of_default_args():
    @task
    def step(): ...

    @task(retry_on={"timeout", "internal"}, retries=1)
    def undo(): ...

    with DAG("defaults", default_args={"trigger_rule": "all_done", "retry_on": "author"}) as built:
        undo().teardown_of(step())
    tasks = built.document()["tasks"]
    assert tasks["step"] == {"trigger_rule": "all_done", "retry_on": ["author"]}
    assert tasks["undo"] == {"retries": 1, "retry_on": ["internal", "timeout"], "teardown_of": ["step"]}


def test_earlier_runs_and_deadlines_are_in_the_document():
    @task(depends_on_past=True, wait_for_downstream=True, latest_only=False)
    def post(): ...

    @task(latest_only=True, deadline=timedelta(hours=2), on_missed_deadline="stop")
    def mail(): ...

    @dag(deadline="1h30m", on_missed_deadline="notify")
    def ledger():
        post()
        mail.override(latest_only=None, deadline=90.0, on_missed_deadline=None)()
        mail.override(task_id="other", deadline="3h")()

    found = document(ledger)
    assert (found["deadline"], found["on_missed_deadline"]) == ("1h30m", "notify")
    assert found["tasks"] == {
        "post": {"depends_on_past": True, "wait_for_downstream": True},
        "mail": {"deadline": 90},
        "other": {"latest_only": True, "deadline": "3h", "on_missed_deadline": "stop"},
    }


def test_default_args_of_airflow_are_those_of_tasks():
    @task
    def step(): ...

    @task(depends_on_past=False)
    def alone(): ...

    given = {"depends_on_past": True, "wait_for_downstream": False, "sla": timedelta(hours=2)}
    with DAG("past", default_args=given) as built:
        alone() >> (first := step())
        step().teardown_of(first)
    found = built.document()
    assert "deadline" not in found and "on_missed_deadline" not in found
    assert found["tasks"] == {
        "alone": {"deadline": 7200},
        "step": {"depends_on_past": True, "deadline": 7200, "after": ["alone"]},
        "step__1": {"deadline": 7200, "teardown_of": ["step"]},
    }


def test_what_comes_after_a_group_does_not_wait_for_its_teardowns():
    @task
    def step(): ...

    @dag
    def grouped():
        with TaskGroup("inner") as inner:
            first, work, undo = (step.override(task_id=name)() for name in ("first", "work", "undo"))
            first >> work >> undo.teardown_of(first)
        inner >> step()

    assert document(grouped)["tasks"]["step"]["after"] == ["inner.work"]


def test_lists_are_zipped():
    @task
    def names() -> list[str]:
        return ["a", "b"]

    @task
    def load(file: str, table: str, day: int = 1) -> str:
        return file + table

    @dag
    def zipped():
        load.zip(file=names(), table=["x", "y"])
        load.partial(day=2).zip(file=["a"], table=["x"])

    tasks = document(zipped)["tasks"]
    assert tasks["load"]["expand"] == {"file": "names", "table": {"value": ["x", "y"]}}
    assert tasks["load"]["zip"] is True
    assert tasks["load__1"]["inputs"] == {"day": {"value": 2}}
    assert tasks["load__1"]["zip"] is True


def test_owners_and_limits_of_runs_are_in_the_document():
    @dag(
        owners=["team-a", "Ada"],
        concurrency_key="{{ params.customer }}",
        max_active_runs_per_key=2,
        rate_limit=RateLimit(100, per="1m"),
    )
    def billing(customer: str = "acme"):
        cities()

    hourly = RateLimit(1, per=timedelta(hours=1))
    with DAG("nightly", owners={"b", "a"}, rate_limit=hourly, default_args={"owner": "x"}) as nightly:
        cities()

    @dag(owners="team-a")
    def one():
        cities()

    found = document(billing)
    assert found["owners"] == ["team-a", "Ada"]
    assert found["concurrency_key"] == "{{ params.customer }}"
    assert found["max_active_runs_per_key"] == 2
    assert found["rate_limit"] == {"runs": 100, "per": "1m"}
    assert nightly.document()["owners"] == ["a", "b"]
    assert nightly.document()["rate_limit"] == {"runs": 1, "per": 3600}
    assert document(one)["owners"] == ["team-a"]


WRONG_LIMITS = [
    ("owners: owners are a list of names such as \\['team-a'\\], not 5", {"owners": 5}),
    ("owners: owners are a list of names .* not \\['a', ''\\]", {"owners": ["a", ""]}),
    ("concurrency_key: a key is a text such as '{{ params.customer }}', not 5", {"concurrency_key": 5}),
    ("max_active_runs_per_key: expected a whole number from 1, got 0", {"max_active_runs_per_key": 0}),
    ("max_active_runs_per_key: expected a whole number from 1, got True", {"max_active_runs_per_key": True}),
    ("rate_limit: a rate limit is RateLimit\\(100, per='1m'\\), not 100", {"rate_limit": 100}),
    ("did you mean concurrency_key", {"concurency_key": "x"}),
]


@pytest.mark.parametrize(("message", "given"), WRONG_LIMITS, ids=[str(given) for _, given in WRONG_LIMITS])
def test_wrong_owners_and_limits_of_runs_are_explained(message, given):
    @dag(**given)
    def wrong():
        cities()

    with pytest.raises(TypeError, match=message):
        wrong.build()


@pytest.mark.parametrize(
    ("message", "runs", "per"),
    [
        ("`runs` of a rate limit is a whole number from 1, not 0", 0, "1m"),
        ("`runs` of a rate limit is a whole number from 1, not '5'", "5", "1m"),
        ("`per` of a rate limit is a span longer than 0", 5, timedelta(0)),
        ("expected a timedelta, a number of seconds or text", 5, None),
    ],
)
def test_a_wrong_rate_limit_is_explained(message, runs, per):
    with pytest.raises((TypeError, ValueError), match=message):
        RateLimit(runs, per=per)


def test_priorities_are_in_the_document():
    @dag(priority=5, priority_rule="inherited")
    def urgent():
        total.override(priority=0)(cities.override(priority_weight=-3)())

    with DAG("plain", priority=None, priority_rule=None) as plain:
        cities()

    found = document(urgent)
    assert (found["priority"], found["priority_rule"]) == (5, "inherited")
    assert {name: task["priority"] for name, task in found["tasks"].items()} == {"cities": -3, "total": 0}
    assert not {"priority", "priority_rule"} & plain.document().keys()


WRONG_PRIORITIES = [
    ("priority: a priority is a whole number of at most 32 bits, not 'high'", {"priority": "high"}),
    ("priority: a priority is a whole number of at most 32 bits, not True", {"priority": True}),
    ("priority: a priority is a whole number of at most 32 bits, not 2147483648", {"priority": 2**31}),
    ("priority_rule: a priority rule is 'absolute' or 'inherited', not 'downstream'", {"priority_rule": "downstream"}),
    ("did you mean priority_rule", {"priority_rules": "inherited"}),
]


@pytest.mark.parametrize(("message", "given"), WRONG_PRIORITIES, ids=[str(given) for _, given in WRONG_PRIORITIES])
def test_wrong_priorities_are_explained(message, given):
    @dag(**given)
    def wrong():
        cities()

    with pytest.raises(TypeError, match=message):
        wrong.build()


def test_a_wrong_priority_of_a_task_is_explained():
    with pytest.raises(TypeError, match="priority: a priority is a whole number of at most 32 bits, not 1.5"):
        cities.override(priority=1.5)


@task
def rows() -> list[dict]:
    return [{"id": 1, "active": True}]


@task
def load(id: int, name: str = "none", day: int = 1) -> str:
    return f"{id} {name} {day}"


def test_parts_of_elements_and_filters_are_pointers():
    @dag
    def mapped(given: list[dict] = []):  # noqa: B006
        load.expand(id=rows().each["id"])
        load.expand(id=rows()["items"].each.filter("meta", 0)["a/b"]["~"], name=["x"])
        load.partial(day=2).zip(id=given.each["id"], name=rows().each["name"])
        load.expand(id=rows().each.filter("active"))
        load.expand(id=rows().each)

    tasks = document(mapped)["tasks"]
    assert tasks["load"]["expand"] == {"id": {"task": "rows", "each": "/id"}}
    assert tasks["load"]["types"]["inputs"] == {"id": {"type": "integer"}}
    assert tasks["load__1"]["expand"] == {
        "id": {"task": "rows__1", "pointer": "/items", "filter": "/meta/0", "each": "/a~1b/~0"},
        "name": {"value": ["x"]},
    }
    assert tasks["load__2"]["inputs"] == {"day": {"value": 2}}
    assert tasks["load__2"]["expand"] == {
        "id": {"param": "given", "each": "/id"},
        "name": {"task": "rows__2", "each": "/name"},
    }
    assert tasks["load__2"]["zip"] is True
    assert tasks["load__3"]["expand"] == {"id": {"task": "rows__3", "filter": "/active"}}
    assert tasks["load__4"]["expand"] == {"id": "rows__4"}


def test_keyword_mapping_binds_each_parameter_to_the_part_of_its_name():
    @task
    def store(id: int, name: str = "none", *, day: int = 1, ds=None, context=None): ...

    @dag
    def mapped(given: list[dict] = []):  # noqa: B006
        store.partial(day=7).expand_kwargs(rows())
        store.expand_kwargs(rows()["items"].each.filter("active"))
        store.expand_kwargs(given)
        store.expand_kwargs(rows().each["kwargs"], strict=False)
        store.partial(day=7).expand_kwargs([{"id": 1}, {"id": 2, "name": "b"}])

    tasks = document(mapped)["tasks"]
    assert tasks["store"] == {
        "inputs": {"day": {"value": 7}},
        "expand": {"id": {"task": "rows", "each": "/id"}, "name": {"task": "rows", "each": "/name"}},
        "zip": True,
        "types": {"inputs": {"day": {"type": "integer"}, "id": {"type": "integer"}, "name": {"type": "string"}}},
    }
    assert tasks["store__1"]["expand"] == {
        name: {"task": "rows__1", "pointer": "/items", "filter": "/active", "each": f"/{name}"}
        for name in ("id", "name", "day")
    }
    assert tasks["store__2"]["expand"]["day"] == {"param": "given", "each": "/day"}
    assert tasks["store__3"]["expand"]["day"] == {"task": "rows__2", "each": "/kwargs/day"}
    constants = [{"id": 1}, {"id": 2, "name": "b"}]
    assert tasks["store__4"]["expand"] == {
        "id": {"value": constants, "each": "/id"},
        "name": {"value": constants, "each": "/name"},
    }
    assert tasks["store__4"]["zip"] is True


def test_a_part_that_typed_elements_never_have_is_left_to_its_default():
    @dataclass
    class Row:
        id: int
        name: str = "none"

    @dataclass
    class Page:
        rows: list[Row]

    @task
    def typed() -> list[Row]: ...

    @task
    def pages(n: int) -> Page: ...

    @dag
    def mapped(given: list[Row] = []):  # noqa: B006
        load.expand_kwargs(typed())
        load.expand_kwargs(pages(1)["rows"])
        load.expand_kwargs(pages.expand(n=[1])[0]["rows"])
        load.expand_kwargs(given)
        # The check of edges names what is missing.
        population.expand_kwargs(typed())

    tasks = document(mapped)["tasks"]
    for name in ("load", "load__1", "load__2", "load__3"):
        assert list(tasks[name]["expand"]) == ["id", "name"]
    assert tasks["population"]["expand"] == {"city": {"task": "typed__1", "each": "/city"}}

    @dag
    def nothing():
        load.override(task_id="l").partial(id=1, name="x").expand_kwargs(typed())

    with pytest.raises(TypeError, match="task l: .* have none of the parts day"):
        nothing.build()


def test_a_mapped_function_leaves_the_schema_of_its_input_out():
    @dag
    def mapped():
        load.expand(id=rows().map(lambda row: row["id"]), name=rows().each.filter("active")["name"])
        load.partial(day=2).expand_kwargs(rows().map(lambda row: {"id": 1}).map(dict))

    tasks = document(mapped)["tasks"]
    assert tasks["load"]["expand"] == {
        "id": "rows",
        "name": {"task": "rows__1", "filter": "/active", "each": "/name"},
    }
    assert tasks["load"]["types"]["inputs"] == {"name": {"type": "string"}}
    assert tasks["load__1"]["expand"] == {"kwargs:element": "rows__2"}
    assert "zip" not in tasks["load__1"]
    assert tasks["load__1"]["types"]["inputs"] == {"day": {"type": "integer"}}


@task
def context_alone(**kwargs): ...


@task
def anything(*args): ...


BAD = [
    ("is missing", lambda: total()),
    ("total: counts: .* pass it to expand", lambda: total(rows().each["id"])),
    ("total: counts: .* pass it to expand", lambda: total([1, rows().map(len)])),
    ("load: day: .* pass it to expand", lambda: load.partial(day=rows().each["day"]).expand(id=[1])),
    ("expand\\(counts=...\\) takes a list or one", lambda: total.expand(counts=[rows().each["id"]])),
    ("can't be tested", lambda: load(1 if rows().each["id"] else 2)),
    ("a part of an output is named by text or a number", lambda: rows().each[1.5]),
    ("filter takes the key of a part", lambda: rows().each.filter()),
    ("there is one filter, and it comes first", lambda: rows().each["id"].filter("active")),
    ("there is one filter, and it comes first", lambda: rows().each.filter("a").filter("b")),
    ("return the part from the function", lambda: rows().map(dict)["id"]),
    ("map takes a function of one element, not 5", lambda: rows().map(5)),
    ("<task load> is a task; write map\\(load.function\\)", lambda: rows().map(load)),
    ("no .concat\\(\\) of outputs", lambda: rows().concat(rows())),
    ("expand_kwargs takes a list of dicts, not 5", lambda: load.expand_kwargs(5)),
    ("put several outputs together in a task", lambda: load.expand_kwargs([{"id": rows()}])),
    ("element 1 is a dict of parameters, not 5", lambda: load.expand_kwargs([{"id": 1}, 5])),
    ("element 0: there is no input 'x'", lambda: load.expand_kwargs([{"id": 1, "x": 2}])),
    ("element 0: 'day' is given by partial", lambda: load.partial(day=1).expand_kwargs([{"id": 1, "day": 2}])),
    ("element 1: input 'id' is missing", lambda: load.expand_kwargs([{"id": 1}, {}])),
    ("\\[1\\].id: expected int, got str 'x'", lambda: load.expand_kwargs([{"id": 1}, {"id": "x"}])),
    ("no parameter left to map over", lambda: cities.expand_kwargs(rows())),
    ("context: name the parameters", lambda: context_alone.expand_kwargs(rows())),
    ("replace \\*args by a list", lambda: anything.expand_kwargs(rows())),
    ("can't be mapped", lambda: task.branch(load.function).expand_kwargs(rows())),
    ("no input 'x'|unexpected keyword", lambda: total([], x=1)),
    ("counts\\[0\\]: expected int, got str 'a'", lambda: total(["a"])),
    ("did you mean retries", lambda: total.override(retires=3)([])),
    ("depends_on_past: expected True or False, got 'yes'", lambda: total.override(depends_on_past="yes")([])),
    ("can 'notify' or 'stop', not 'fail'", lambda: total.override(deadline="2h", on_missed_deadline="fail")([])),
    ("whatever came of other runs; leave out latest_only", lambda: cities.override(latest_only=True)().teardown_of()),
    ("pool='name'", lambda: total.override(max_active_tis_per_dag=3)([])),
    ("can't be tested", lambda: total([1] if cities() else [])),
    ("can't be gone through", lambda: [total([x]) for x in cities()]),
    ("can't be made text", lambda: population(f"{cities()}")),
    ("needs something to map over", lambda: total.expand()),
    ("takes a list or one task's output", lambda: total.expand(counts=[cities(), cities()])),
    ("nothing can wait for it", lambda: cities() >> 5),
    ("zip needs something to map over", lambda: total.zip()),
    ('"city" \\(1\\) and "year" \\(2\\) go together', lambda: population.zip(city=[City("x")], year=[1, 2])),
    ("no .zip\\(\\) of outputs", lambda: cities().zip(cities())),
    ("a setup is a task's output, not 5", lambda: cities().teardown_of(5)),
    ("a teardown has a rule of its own", lambda: cities.override(trigger_rule="all_done")().teardown_of()),
    ("can't choose what runs", lambda: task.branch(cities.function)().teardown_of()),
    ("a setup needs no mark", lambda: cities().as_setup()),
    ("list of codes", lambda: cities.override(retry_on=5)()),
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
