"""What comes out of DAG files: graphs, settings, bodies, the report; and what is written runs."""

import importlib
import sys
import textwrap

import pytest

from weft_airflow import convert, ignored, is_dag_file


class Imported:
    """An imported file, with its project's modules loaded."""

    def __init__(self, result, folder):
        self.result = result
        self.files = result["files"]
        self.reasons = [line["reason"] for line in result["by_hand"]]
        self.dags = {dag["dag"]: dag for dag in result["dags"]}
        self._folder = folder

    def load(self):
        """The DAGs of the project, as Weft has them."""
        from weft.dags import forget, registered

        for name, text in self.files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        root = str(self._folder / "dags")
        forget()
        before = set(sys.modules)
        sys.path.insert(0, root)
        importlib.invalidate_caches()
        try:
            for name in self.files:
                if name.startswith("dags/") and not name.endswith("__init__.py"):
                    importlib.import_module(name[5:-3].replace("/", "."))
            return {dag.id: dag for dag in registered()}
        finally:
            sys.path.remove(root)
            for name in set(sys.modules) - before:
                if str(getattr(sys.modules[name], "__file__", "")).startswith(root):
                    del sys.modules[name]


@pytest.fixture
def importing(tmp_path):
    def do(text, file="example.py", **others):
        root = tmp_path / "airflow"
        for name, content in {file: text, **{name.replace("__", "/") + ".py": value for name, value in others.items()}}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content), encoding="utf-8")
        return Imported(convert(str(root), file), tmp_path / "project")

    return do


TASKFLOW = """
    import json
    from datetime import datetime, timedelta
    from airflow.sdk import dag, task

    RATE = 2

    def double(value):
        # Kept with its comment.
        return value * RATE

    @dag(schedule="@daily", start_date=datetime(2026, 1, 1), tags=["a"])
    def sums(limit: int = 5):
        "Adds up."

        @task(retries=2, retry_delay=timedelta(minutes=5))
        def numbers() -> list[int]:
            return json.loads("[1, 2, 3]")

        @task
        def twice(x):
            return double(x)

        @task(multiple_outputs=True)
        def total(values) -> dict:
            return {"sum": sum(values), "count": len(values)}

        @task
        def show(value, limit):
            print("total", value, limit)
            return value + limit

        found = total(twice.expand(x=numbers()))
        show(found["sum"], limit)

    sums()
"""


def test_taskflow_runs_with_its_bodies(importing):
    imported = importing(TASKFLOW)
    dag = imported.dags["sums"]
    assert dag["schedule"] == "@daily"
    assert dag["edges"] == [["numbers", "twice"], ["total", "show"], ["twice", "total"]]
    assert {task["kind"] for task in dag["tasks"]} == {"python"}
    assert imported.reasons == []
    text = imported.files["dags/example.py"]
    assert "    # Kept with its comment.\n    return value * RATE" in text
    assert "airflow_support" in text, "a parameter of the DAG is read from the context"
    made = imported.load()["sums"]
    document = made.document()
    assert document["schedule"] == "@daily" and document["start"] == "2026-01-01" and document["catchup"] is False
    assert document["tasks"]["numbers"]["retries"] == 2 and document["tasks"]["numbers"]["retry_delay"] == "5m"
    assert made.test().output("show") == 12 + 5


CLASSIC = """
    from datetime import timedelta
    import pendulum
    from airflow import DAG
    from airflow.operators.bash import BashOperator
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import BranchPythonOperator, PythonOperator
    from airflow.utils.task_group import TaskGroup
    from airflow.utils.trigger_rule import TriggerRule

    def extract(ti, name):
        ti.xcom_push(key="rows", value=[name, 2])
        return "done"

    def load(ti, day):
        assert ti.xcom_pull(task_ids="extract_a") == "done"
        return [ti.xcom_pull(task_ids="extract_a", key="rows"), ti.xcom_pull(task_ids="extract_b", key="rows"), day]

    with DAG(
        "classic",
        schedule_interval=timedelta(hours=6),
        start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
        default_args={"retries": 1, "owner": "me"},
    ) as dag:
        start = EmptyOperator(task_id="start")
        loaded = PythonOperator(task_id="load", python_callable=load, op_kwargs={"day": "{{ ds }}"})
        for name in ("a", "b"):
            start >> PythonOperator(task_id=f"extract_{name}", python_callable=extract, op_kwargs={"name": name}, pool="warehouse") >> loaded
        choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "end.yes")
        with TaskGroup("end") as end:
            yes = BashOperator(task_id="yes", bash_command="echo one && echo {{ ds_nodash }}")
            no = BashOperator(task_id="no", bash_command="curl https://example.org | jq .")
        last = EmptyOperator(task_id="last", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
        loaded >> choose >> [yes, no]
        end >> last
"""


def test_classic_operators_run(importing):
    imported = importing(CLASSIC)
    dag = imported.dags["classic"]
    assert dag["schedule"] == "every 6h"
    assert ["choose", "end.yes"] in dag["edges"] and ["end.no", "last"] in dag["edges"]
    assert {task["id"]: task["kind"] for task in dag["tasks"]}["choose"] == "branch"
    hand = [line for line in imported.result["by_hand"] if "end.no" in line["reason"]]
    assert len(hand) == 1 and hand[0]["file"] == "example.py" and "can't start a shell" in hand[0]["reason"]
    assert CLASSIC.splitlines()[hand[0]["line"] - 1].strip().startswith("no = BashOperator")
    assert '"jinja2"' in imported.files["pyproject.toml"]
    made = imported.load()["classic"]
    document = made.document()
    assert document["timezone"] == "Europe/Berlin" and document["start"] == "2026-01-01"
    # Airflow 2 makes up for missed runs unless a DAG says otherwise.
    assert document["catchup"] is True
    assert document["owners"] == ["me"]
    assert document["tasks"]["extract_a"] | {"pool": "warehouse", "retries": 1} == document["tasks"]["extract_a"]
    run = made.test()
    assert run.output("load")[:2] == [["a", 2], ["b", 2]]
    assert run.states["end.no"] == "skipped" and run.states["last"] == "success"
    assert len(run.output("end.yes")) == 8


def test_what_can_not_be_carried_over_fails_and_says_so(importing):
    imported = importing(
        """
        from airflow.sdk import DAG
        from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator
        from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

        with DAG("warehouse"):
            BigQueryInsertJobOperator(task_id="query", configuration={"a": 1}) >> SQLExecuteQueryOperator(
                task_id="statement", sql="select 1", conn_id="db"
            )
        """
    )
    assert [task["kind"] for task in imported.dags["warehouse"]["tasks"]] == ["unknown", "sql"]
    assert len(imported.reasons) == 2 and "BigQueryInsertJobOperator" in imported.reasons[0]
    from weft.local.run import RunFailed

    with pytest.raises(RunFailed, match="example.py:7: .*BigQueryInsertJobOperator has no counterpart"):
        imported.load()["warehouse"].test()


def test_factories_and_helpers_of_the_folder_come_along(importing):
    imported = importing(
        """
        from airflow.sdk import DAG
        from shop.factory import make

        for country in ("de", "fr"):
            globals()[country] = make(country)
        """,
        shop__factory="""
        from airflow.sdk import DAG, task
        from shop.rates import RATES, convert

        def make(country):
            with DAG(f"orders_{country}", schedule="@hourly") as dag:
                @task
                def price():
                    return convert(country, 10)

                @task
                def unused_global():
                    return RATES[country]

                price() >> unused_global()
            return dag
        """,
        shop__rates="""
        import math
        RATES = {"de": 1.0, "fr": 2.0}
        NOISE = math.pi

        def convert(country, value):
            return RATES[country] * value
        """,
    )
    assert list(imported.dags) == ["orders_de", "orders_fr"]
    assert imported.reasons == []
    assert "NOISE" not in imported.files["dags/shop/rates.py"]
    dags = imported.load()
    assert dags["orders_de"].test().output("price") == 10.0
    assert dags["orders_fr"].test().output("price") == 20.0


def test_operators_of_the_folder_and_mapping(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, BaseOperator, task, task_group

        class Times(BaseOperator):
            template_fields = ("value",)

            def __init__(self, value, factor=2, **kwargs):
                super().__init__(**kwargs)
                self.value = value
                self.factor = factor

            def execute(self, context):
                return self.value * self.factor

        with DAG("mapped"):
            @task
            def rows():
                return [{"a": 1, "b": 2}, {"a": 3, "b": 4}]

            @task
            def add(a, b):
                return a + b

            @task
            def plus(x):
                return x + 1

            @task_group
            def both(n):
                return plus(plus(n))

            @task
            def total(values):
                return sum(values)

            added = add.expand_kwargs(rows())
            times = Times.partial(task_id="times", factor=3).expand(value=added)
            total(times.output)
            total(both.expand(n=[1, 2]))
            total(add.partial(b=1).expand(a=rows().map(lambda row: row["a"])))
        """
    )
    assert imported.reasons == []
    text = imported.files["dags/example.py"]
    assert "added_ = " not in text and "add_ = add.expand_kwargs(rows_)" in text
    assert ".partial(b=1).expand(a=rows__1_.map(lambda row: row['a']))" in text
    run = imported.load()["mapped"].test()
    assert run.output("times") == [9, 21]
    assert run.output("total") == 30
    assert run.output("total__1") == 4 + 3
    assert run.output("total__2") == 2 + 4


def test_functions_of_map_and_lists_of_dicts_stay_in_the_graph(importing):
    imported = importing(
        """
        from airflow.exceptions import AirflowSkipException
        from airflow.sdk import DAG, task
        from airflow.providers.standard.operators.python import PythonOperator

        def even(row):
            if row["n"] % 2:
                raise AirflowSkipException("odd")
            return row

        def fill(n=7, day=1, ds=None):
            return [n, day]

        with DAG("rows"):
            @task
            def rows():
                return [{"n": 1}, {"n": 2, "day": 3}, {"n": 4}]

            @task
            def nested():
                return {"items": [{"n": 8}]}

            @task
            def pick(n):
                return {"n": n}

            filled = task(fill)
            found = rows()
            filled.expand_kwargs(found.map(even))
            filled.partial(day=2).expand_kwargs([{"n": 5}, {}])
            filled.expand(n=found.map(even).map(lambda row: row["n"]))
            filled.expand_kwargs(nested()["items"])
            picked = pick.expand(n=[1, 2])
            filled.expand(n=picked["n"])
            PythonOperator(task_id="alone", python_callable=even, op_args=[{"n": 2}])
            filled.expand_kwargs([{"n": 5, "x": 6}])
        """
    )
    assert imported.reasons == []
    text = imported.files["dags/example.py"]
    assert ".expand_kwargs(rows_.map(even.function))" in text, "even is a task as well"
    assert ".partial(day=2).expand_kwargs([{\"n\": 5}, {}])" in text
    assert ".expand(n=rows_.map(even.function).map(lambda row: row['n']))" in text
    assert "airflow_support.call(fill.function, context, (), {**element})" in text, "x is no parameter, which fails as in Airflow"
    run = imported.load()["rows"].test(check=False)
    assert run.output("fill") == [[2, 3], [4, 1]]
    assert run.output("fill__1") == [[5, 2], [7, 2]]
    assert run.output("fill__2") == [[2, 1], [4, 1]]
    assert run.output("fill__3") == [[8, 1]]
    assert run.output("fill__4") == [[1, 1], [2, 1]]
    assert "unexpected keyword argument 'x'" in run.instances["fill__5"][0].message


def test_operators_are_mapped_over_dicts_and_functions(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, task
        from airflow.providers.http.operators.http import HttpOperator
        from airflow.providers.standard.operators.bash import BashOperator

        with DAG("operators"):
            @task
            def names():
                return ["a", "b"]

            @task
            def commands(ti):
                ti.xcom_push(key="count", value=2)
                return [{"bash_command": "echo 1"}, {"bash_command": "echo $X", "env": {"X": "2"}}]

            BashOperator.partial(task_id="say").expand(bash_command=names().map(lambda name: f"echo {name}"))
            BashOperator.partial(task_id="run").expand_kwargs(commands())
            BashOperator.partial(task_id="fixed", bash_command="echo $X").expand_kwargs([{"env": {"X": "3"}}, {"env": {"X": "{{ task.task_id }}"}}])
            BashOperator.partial(task_id="elsewhere").expand_kwargs([{"bash_command": "pwd", "cwd": "/"}])
            HttpOperator.partial(task_id="get", http_conn_id="api", method="GET").expand_kwargs(commands())
        """
    )
    reasons = [reason for reason in imported.reasons if "elsewhere" in reason]
    assert reasons == ["task elsewhere: it is mapped over cwd: of the arguments of this operator, bash_command, env can be"]
    assert len(imported.reasons) == 2, "and the address of the connection"
    text = imported.files["dags/example.py"]
    assert "def run(context: Context, bash_command, env=None):" in text
    assert 'def get(context: Context, endpoint="", data=None, headers=None):' in text
    dag = imported.load()["operators"]
    tasks = dag.document()["tasks"]
    assert tasks["run"]["expand"] == {
        name: {"task": "commands", "pointer": "/return_value", "each": f"/{name}"} for name in ("bash_command", "env")
    }
    assert tasks["get"]["expand"]["data"] == {"task": "commands__1", "pointer": "/return_value", "each": "/data"}
    run = dag.test(check=False)
    assert run.output("say") == ["a", "b"]
    assert run.output("run") == ["1", "2"]
    assert run.output("fixed") == ["3", "fixed"]


def test_groups_are_mapped_over_dicts_and_functions(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, task, task_group

        with DAG("groups"):
            @task
            def rows():
                return [{"a": 1, "b": 2}, {"a": 3, "b": 4}]

            @task
            def add(a, b):
                return a + b

            @task_group
            def pairs(a, b):
                add(a, b)

            @task_group
            def doubled(a):
                add(a, 1)

            # The parameters are called as the tasks are.
            @task_group
            def named(add, rows):
                both(add, rows)

            both = add
            found = rows()
            pairs.expand_kwargs(found)
            doubled.expand(a=found.map(lambda row: row["a"] * 2))
            named.expand_kwargs([{"add": 5, "rows": 6}])
        """
    )
    assert imported.reasons == []
    text = imported.files["dags/example.py"]
    assert "    def pairs(a, b):\n        pairs_add_ = add(a=a, b=b)\n        return pairs_add_\n" in text
    assert "    pairs_add_ = pairs.expand_kwargs(rows_)\n" in text
    assert "doubled.expand(a=rows_.map(lambda row: row['a'] * 2))" in text
    run = imported.load()["groups"].test()
    assert run.output("pairs.add") == [3, 7]
    assert run.output("doubled.add") == [3, 7]
    assert run.output("named.add") == [11]


def test_tasks_of_a_mapped_group_depend_on_those_of_their_element(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, TaskGroup, task, task_group
        from airflow.providers.standard.operators.bash import BashOperator
        from airflow.providers.standard.operators.python import PythonOperator

        def show(n, ti):
            return [n, ti.map_index]

        with DAG("groups"):
            @task
            def numbers():
                return [1, 2, 3]

            @task(multiple_outputs=True)
            def split(n):
                if n == 2:
                    raise ValueError("two")
                return {"x": n, "y": n * 2}

            @task
            def add(a, b):
                return a + b

            @task
            def push(a, ti):
                ti.xcom_push(key="k", value=a * 5)
                return a

            @task(trigger_rule="one_failed")
            def repair(n):
                return n

            @task(trigger_rule="all_done")
            def total(values):
                return sum(values)

            @task_group
            def each(n, more):
                parts = split(n)
                parts >> repair(n)
                with TaskGroup("inner"):
                    added = add(parts["x"], parts["y"])
                pushed = push(added)
                shown = PythonOperator(task_id="show", python_callable=show, op_args=[n])
                pushed >> shown >> add(pushed["k"], more)
                BashOperator(task_id="say", bash_command=n)
                return pushed

            with TaskGroup("outer"):
                result = each.partial(more=100).expand(n=numbers())
            total(result)
            total(result["k"])
            add.partial(b=1).expand(a=result["k"])
        """
    )
    assert [reason for reason in imported.reasons if "shell" not in reason] == []
    dag = imported.load()["groups"]
    assert dag.document()["groups"] == {"outer.each": {"expand": {"n": "outer.numbers"}}}
    run = dag.test(check=False)
    states = {name: [one.state for one in run.instances[f"outer.each.{name}"]] for name in ("split", "repair", "show")}
    assert states == {
        "split": ["success", "failed", "success"],
        "repair": ["skipped", "success", "skipped"],
        "show": ["success", "upstream_failed", "success"],
    }
    assert run.output("outer.each.inner.add") == [3, 9]
    assert run.output("outer.each.show") == [[1, 0], [3, 2]]
    assert run.output("outer.each.add") == [115, 145]
    assert (run.output("total"), run.output("total__1")) == (12, 60)
    assert run.output("outer.each.repair") == [2]


def test_zips_and_setups_of_mapped_groups(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, setup, task, task_group, teardown

        with DAG("groups"):
            @task
            def names(count):
                return ["a", "b", "c"][:count]

            @setup
            def create(name):
                return name

            @task
            def join(name, pair):
                return name + pair[0] + pair[1]

            @teardown
            def destroy(name):
                return name

            @task_group(group_id="with-cluster")
            def cluster(pair):
                made = create(pair[0])
                made >> join(pair[1], pair) >> destroy(made).as_teardown(setups=made)

            cluster.expand(pair=names(2).zip(names.override(task_id="others")(2)))

            @task_group(prefix_group_id=False)
            def plain(name):
                join(name, ["y", "z"])

            plain.expand(name=["x"])
        """
    )
    assert len(imported.reasons) == 2
    assert "the group with-cluster is mapped over lists that go together: it fails if they have unlike lengths" in imported.reasons[0]
    assert "the id of task join became plain.join" in imported.reasons[1]
    dag = imported.load()["groups"]
    document = dag.document()
    assert document["groups"]["with-cluster"] == {"expand": {"pair_0": "names", "pair_1": "others"}, "zip": True}
    assert document["tasks"]["with-cluster.create"]["inputs"] == {"name": {"element": "pair_0"}}
    assert document["tasks"]["with-cluster.destroy"]["teardown_of"] == ["with-cluster.create"]
    run = dag.test()
    assert run.output("with-cluster.join") == ["aaa", "bbb"]
    assert run.output("plain.join") == ["xyz"]


def test_what_a_mapped_group_can_not_hold_is_by_hand(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, task, task_group

        with DAG("groups", params={"p": [1]}) as dag:
            @task
            def add(a, b=1):
                return a + b

            @task
            def rows():
                return [1]

            @task.branch
            def pick(a):
                return "outer.one"

            @task_group
            def outer(n):
                @task_group
                def inner(m):
                    add(m, n)

                pick(n) >> add.override(task_id="one")(n)
                add.override(task_id="many").expand(a=[1, 2])
                add.override(task_id="whole")(n)
                inner.expand(m=[1, 2])

            @task_group
            def alone(n):
                add(n)
                return n

            outer.expand(n=[1])
            alone.override(group_id="of_param").expand(n=dag.param("p"))
            alone.override(group_id="of_several").expand(n=rows().concat(rows()))
            add.override(task_id="leaked")(alone.expand(n=[1]))

            @task_group
            def around(n):
                add.override(task_id="second")(add.override(task_id="between", task_group=dag.task_group)(add(n)))

            around.expand(n=[1])
        """
    )
    reasons = {reason.partition(": ")[0]: reason.partition(": ")[2] for reason in imported.reasons}
    assert reasons == {
        "task outer.inner.add": "it is in the group outer.inner, which is mapped inside of the mapped group outer: let a task of outer call another DAG for each element of the inner list",
        "task outer.pick": "it chooses what runs, which no task of a mapped group can, and it is in outer: raise Skip in the tasks that are not to run",
        "task outer.many": "it is mapped inside of the mapped group outer: let it call another DAG for each element of its list",
        "task of_param.add": "the group of_param is mapped over the parameter p: return the parameter from a task, and map the group over that",
        "task of_several.add": "the group of_several is mapped over several outputs together: put them together in a task that returns a list, and map the group over that",
        "task leaked": "it takes an element of a mapped group that it is not in: take the output of a task of the group",
        "task around.add": "the group around is mapped, and between, outside of it, is both after and before its tasks: move it into the group, or make two groups",
        "task around.second": "the group around is mapped, and between, outside of it, is both after and before its tasks: move it into the group, or make two groups",
    }
    dag = imported.load()["groups"]
    assert set(dag.document()["groups"]) == {"outer", "alone"}
    run = dag.test(check=False)
    assert run.output("outer.whole") == [2]
    assert run.instances["outer.pick"][0].message.startswith("example.py:")


def test_a_function_of_map_has_the_grants_that_it_needs(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, Variable, task

        def prefixed(name):
            return Variable.get("prefix") + name

        with DAG("grants"):
            @task
            def names():
                return ["a"]

            @task
            def show(name):
                return name

            show.expand(name=names().map(prefixed))
        """
    )
    run = imported.load()["grants"].test(variables={"prefix": "x-"})
    assert run.output("show") == ["x-a"]


def test_elements_that_pushed_xcoms_are_mapped_over(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, task

        with DAG("pushed"):
            @task
            def push(n, ti):
                ti.xcom_push(key="twice", value=2 * n)
                return n

            @task
            def show(x, y=None):
                return [x, y]

            pushed = push.expand(n=[1, 2])
            show.expand(x=pushed)
            show.expand(x=pushed["twice"])
            show.expand(x=pushed.zip(pushed["twice"]))
        """
    )
    assert [reason.partition(":")[0] for reason in imported.reasons] == ["task show__2 is mapped over lists that go together"]
    run = imported.load()["pushed"].test()
    assert run.output("show") == [[1, None], [2, None]]
    assert run.output("show__1") == [[2, None], [4, None]]
    assert run.output("show__2") == [[[1, 2], None], [[2, 4], None]]


def test_owners_of_tasks_are_those_of_the_dag(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, task
        from acme import OWNER

        with DAG("owned", default_args={"owner": "team-a, team-b"}):
            @task(owner="airflow")
            def one(): ...

            @task
            def two(): ...

            @task(owner="Ada")
            def three(): ...

            one() >> two() >> three()

        with DAG("plain", default_args={"owner": "airflow"}):
            two()

        with DAG("unknown"):
            three.override(owner=OWNER)()
        """
    )
    assert imported.reasons == ["DAG unknown: owner can't be known here: <acme.OWNER>"]
    dags = {name: dag.document() for name, dag in imported.load().items()}
    assert dags["owned"]["owners"] == ["team-a", "team-b", "Ada"]
    assert "owners" not in dags["plain"] and "owners" not in dags["unknown"]


def test_setups_and_teardowns_stay_what_they_are(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, setup, task, teardown
        from airflow.providers.standard.operators.python import PythonOperator

        with DAG("clusters"):
            @setup
            def create():
                return "c7"

            @task
            def work(cluster):
                raise ValueError("no work")

            @teardown(on_failure_fail_dagrun=True)
            def destroy(cluster):
                return f"no more {cluster}"

            def sweep(): ...

            with destroy(create()) as scope:
                work("x")

            first = PythonOperator(task_id="first", python_callable=sweep)
            second = PythonOperator(task_id="second", python_callable=sweep)
            last = PythonOperator(task_id="last", python_callable=sweep).as_teardown(setups=[first, second])
            first >> second >> last
        """
    )
    assert imported.reasons == []
    dag = imported.load()["clusters"]
    tasks = dag.document()["tasks"]
    assert tasks["destroy"]["teardown_of"] == ["create"]
    assert tasks["destroy"]["teardown_fails_run"] is True
    assert tasks["destroy"]["after"] == ["work"]
    assert tasks["last"] == {"teardown_of": ["first", "second"]}
    assert not any("trigger_rule" in fields for fields in tasks.values())
    run = dag.test(check=False)
    assert run.states["work"] == "failed"
    assert run.output("destroy") == "no more c7"


def test_a_teardown_that_chooses_what_runs_is_in_the_report(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, task

        with DAG("choosing"):
            @task
            def create(): ...

            @task.short_circuit
            def stop():
                return True

            stop().as_teardown(setups=create())
        """
    )
    assert ["chooses what runs" in reason for reason in imported.reasons] == [True]
    assert imported.load()["choosing"].document()["tasks"]["stop"]["trigger_rule"] == "all_done"


def test_outputs_are_mapped_over_together(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, task

        with DAG("zips"):
            @task
            def files(count):
                return [f"f{at}" for at in range(count)]

            @task
            def load(pair):
                return "-".join(map(str, pair))

            @task
            def both(file, table):
                return file + table

            two = files(2)
            load(pair="alone")
            load.expand(pair=two.zip(files(2), two))
            both.expand_kwargs(two.zip(files(2)).map(list).map(lambda pair: {"file": pair[0], "table": pair[1]}))
            load.expand(pair=two.zip(files(3), fillvalue="none"))
        """
    )
    assert [reason.partition(":")[0] for reason in imported.reasons] == [
        "task load__1 is mapped over lists that go together",
        "task both is mapped over lists that go together",
        "task load__2",
    ]
    dag = imported.load()["zips"]
    assert dag.document()["tasks"]["load__1"]["zip"] is True
    run = dag.test(check=False)
    assert run.output("load__1") == ["f0-f0-f0", "f1-f1-f1"]
    assert run.output("both") == ["f0f0", "f1f1"]
    assert run.state("load__2") == "failed"


def test_settings_without_a_counterpart_are_in_the_report(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, Asset, task
        from airflow.timetables.interval import CronDataIntervalTimetable

        def tell(context): ...

        with DAG("a", schedule=[Asset("s3://x")], on_failure_callback=tell):
            @task(wait_for_past_depends_before_skipping=True, inlets=[Asset("s3://y")])
            def one(): ...
            one()

        with DAG("b", schedule=CronDataIntervalTimetable("0 6 * * *", timezone="Europe/Paris")):
            one()
        """
    )
    text = "\n".join(imported.reasons)
    for word in ("s3://y", "on_failure_callback", "wait_for_past_depends_before_skipping"):
        assert word in text
    assert imported.dags["a"]["schedule"] == "assets: s3://x"
    assert imported.load()["b"].document() | {"schedule": "0 6 * * *", "timezone": "Europe/Paris"} == imported.load()["b"].document()


TIMETABLE = """
    import datetime, pendulum
    from acme import holidays
    from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, EventsTimetable, MultipleCronTriggerTimetable, task

    with DAG("d", start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Paris"), schedule={schedule}):
        @task
        def one(): ...
        one()
"""
EVENTS = "the event_dates of its EventsTimetable can't be known here: write them into its schedule, as a list of dates"


@pytest.mark.parametrize(
    ("schedule", "expected", "zone", "shown", "reasons"),
    [
        ('MultipleCronTriggerTimetable("0 6 * * 1-5", "0 12 * * 6", timezone="Europe/Berlin")', ["0 6 * * 1-5", "0 12 * * 6"], "Europe/Berlin", "0 6 * * 1-5; 0 12 * * 6", []),
        ('MultipleCronTriggerTimetable("@daily", timezone="Europe/Berlin")', "@daily", "Europe/Berlin", "@daily", []),
        (
            'AssetOrTimeSchedule(timetable=MultipleCronTriggerTimetable("0 6 * * *", "0 12 * * 6", timezone="UTC"), assets=[Asset("a")])',
            ["0 6 * * *", "0 12 * * 6"],
            "UTC",
            "0 6 * * *; 0 12 * * 6, assets: a",
            [],
        ),
        (
            'EventsTimetable(event_dates=[pendulum.datetime(2026, 12, 31, tz="Europe/Berlin"), pendulum.datetime(2026, 12, 24, 6, tz="Europe/Berlin")])',
            ["2026-12-24T06:00:00", "2026-12-31T00:00:00"],
            "Europe/Berlin",
            "2026-12-24T06:00:00; 2026-12-31T00:00:00",
            [],
        ),
        (
            'EventsTimetable([pendulum.datetime(2026, 12, 24, 6), pendulum.datetime(2026, 12, 24, 7, tz="Europe/Berlin"), pendulum.datetime(2026, 12, 31, 7, tz="Europe/Berlin")])',
            ["2026-12-24T06:00:00+00:00", "2026-12-31T07:00:00+01:00"],
            "Europe/Paris",
            "2026-12-24T06:00:00+00:00; 2026-12-31T07:00:00+01:00",
            [],
        ),
        (
            "EventsTimetable(event_dates=[datetime.datetime(2026, 1, day, tzinfo=datetime.timezone.utc) for day in range(1, 6)], restrict_to_events=True)",
            [f"2026-01-0{day}T00:00:00+00:00" for day in range(1, 6)],
            "Europe/Paris",
            "2026-01-01T00:00:00+00:00; 2026-01-02T00:00:00+00:00; 2026-01-03T00:00:00+00:00; 2 more",
            ["restrict_to_events: a run by hand has the date of its creation, not that of the latest event"],
        ),
        ("EventsTimetable(event_dates=holidays())", None, "Europe/Paris", "EventsTimetable", [EVENTS]),
        ("EventsTimetable(event_dates=[holidays.first])", None, "Europe/Paris", "EventsTimetable", [EVENTS]),
        (
            "EventsTimetable(event_dates=[datetime.datetime(2026, 1, 1) + datetime.timedelta(days=day) for day in range(1001)])",
            1000,
            "Europe/Paris",
            "2026-01-01T00:00:00+00:00; 2026-01-02T00:00:00+00:00; 2026-01-03T00:00:00+00:00; 997 more",
            ["a DAG has at most 1000 dates, and its EventsTimetable has 1001: the first ones are kept"],
        ),
    ],
)  # fmt: skip
def test_several_crons_and_events_are_a_list_of_schedules(importing, schedule, expected, zone, shown, reasons):
    imported = importing(TIMETABLE.format(schedule=schedule))
    assert imported.reasons == [f"DAG d: {reason}" for reason in reasons]
    assert imported.dags["d"]["schedule"] == shown
    found = imported.load()["d"].document()
    written = found.get("schedule")
    assert (len(written) if isinstance(expected, int) else written) == expected
    assert found["timezone"] == zone


def test_tasks_that_depend_on_the_run_before(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, task
        from airflow.providers.standard.operators.empty import EmptyOperator
        from airflow.providers.standard.operators.python import PythonOperator

        def sweep(): ...

        with DAG("past", schedule="@daily", default_args={"depends_on_past": True, "wait_for_downstream": False}):
            @task
            def load(): ...

            @task(depends_on_past=False)
            def show(): ...

            wait = EmptyOperator(task_id="wait", wait_for_downstream=True)
            created = PythonOperator(task_id="create", python_callable=sweep).as_setup()
            removed = PythonOperator(task_id="remove", python_callable=sweep).as_teardown(setups=created)
            load() >> show() >> wait >> created >> removed
        """
    )
    assert imported.reasons == ["task remove is a teardown, which runs whatever came of other runs: it has no depends_on_past"]
    tasks = imported.load()["past"].document()["tasks"]
    asked = {name: [field for field in ("depends_on_past", "wait_for_downstream") if field in fields] for name, fields in tasks.items()}
    assert asked == {
        "load": ["depends_on_past"], "show": [], "wait": ["depends_on_past", "wait_for_downstream"],
        "create": ["depends_on_past"], "remove": [],
    }  # fmt: skip


def test_latest_only_is_a_setting(importing):
    imported = importing(
        """
        from airflow.sdk import DAG
        from airflow.providers.standard.operators.empty import EmptyOperator
        from airflow.providers.standard.operators.latest_only import LatestOnlyOperator

        with DAG("latest", schedule="@hourly"):
            latest = LatestOnlyOperator(task_id="latest")
            latest >> EmptyOperator(task_id="plain") >> EmptyOperator(task_id="last", trigger_rule="all_done")
            latest >> EmptyOperator(task_id="always", trigger_rule="all_done")
        """
    )
    assert {task["id"]: task["kind"] for task in imported.dags["latest"]["tasks"]}["latest"] == "latest_only"
    assert imported.reasons == [
        "task always: where latest is skipped, Airflow skips it whatever its rule, and by all_done it may run: give it latest_only=True too"
    ]
    dag = imported.load()["latest"]
    tasks = dag.document()["tasks"]
    assert tasks["latest"] == {"latest_only": True}
    assert tasks["plain"] == {"after": ["latest"]}
    # Not scheduled, so that it has the task.
    assert set(dag.test().states.values()) == {"success"}


DEADLINE = """
    from datetime import datetime, timedelta
    from airflow.sdk import DAG, AsyncCallback, BaseDeadlineReference, DeadlineAlert, DeadlineReference, deadline_reference, task
    from airflow.sdk import CronDataIntervalTimetable
    from acme import later
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    @deadline_reference()
    class Release(BaseDeadlineReference):
        def _evaluate_with(self, *, session, **kwargs):
            return datetime(2026, 1, 1)

    def alert(reference, interval):
        return DeadlineAlert(reference=reference, interval=interval, callback=AsyncCallback(SlackWebhookNotifier, kwargs={{"text": "late"}}))

    with DAG("d", schedule={schedule}, deadline={deadline}):
        @task
        def one(): ...
        one()
"""

NOTIFY = "deadline: its callback is not called: be notified of a miss with `wfctl notifications add --on deadline`"
LOGICAL = "alert(DeadlineReference.DAGRUN_LOGICAL_DATE, timedelta(minutes=90))"


@pytest.mark.parametrize(
    ("deadline", "schedule", "expected", "reasons"),
    [
        (LOGICAL, '"@daily"', "90m", [NOTIFY]),
        (LOGICAL, 'CronDataIntervalTimetable("0 6 * * *", timezone="UTC")', "90m", [NOTIFY, "deadline: Airflow's counts from the start of the data interval"]),
        ("alert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(hours=2))", "None", "2h", ["deadline: Airflow's counts from when a run is queued", NOTIFY]),
        ("alert(DeadlineReference.FIXED_DATETIME(datetime(2026, 1, 1)), timedelta(hours=2))", "None", None, ["deadline: a deadline is a span since the run was due, and no point in time"]),
        ("alert(DeadlineReference.AVERAGE_RUNTIME(max_runs=5), timedelta(hours=2))", "None", None, ["deadline: a deadline is a span that is known before the run"]),
        ("alert(DeadlineReference.Release, timedelta(hours=2))", "None", None, ["deadline: its reference Release is computed by code of its own"]),
        ("alert(Release(), timedelta(hours=2))", "None", None, ["deadline: its reference Release is computed by code of its own"]),
        ("alert(DeadlineReference.DAGRUN_LOGICAL_DATE, timedelta(hours=-2))", "None", None, ["deadline: its interval -1 day, 22:00:00 is no span after the run was due"]),
        (f"[alert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(hours=3)), {LOGICAL}]", "None", "90m", [NOTIFY, "deadline: a DAG has one: of 2, the first one is kept"]),
        ("later()", "None", None, ["deadline: <acme.later()> can't be known here"]),
    ],
)  # fmt: skip
def test_deadline_alerts_are_deadlines(importing, deadline, schedule, expected, reasons):
    imported = importing(DEADLINE.format(deadline=deadline, schedule=schedule))
    found = sorted(reason.removeprefix("DAG d: ") for reason in imported.reasons)
    assert len(found) == len(reasons), found
    assert all(reason.startswith(start) for reason, start in zip(found, sorted(reasons))), found
    assert imported.load()["d"].document().get("deadline") == expected


def test_slas_are_deadlines_of_tasks(importing):
    imported = importing(
        """
        from datetime import timedelta
        from airflow import DAG
        from airflow.operators.empty import EmptyOperator

        def missed(*_given): ...

        with DAG("sla", schedule="@daily", sla_miss_callback=missed, default_args={"sla": timedelta(hours=2)}):
            EmptyOperator(task_id="two") >> EmptyOperator(task_id="late", sla=timedelta(minutes=150)) >> EmptyOperator(task_id="any", sla=None)
        """
    )
    starts = ["DAG sla: default_args: sla: it became a deadline", "DAG sla: sla_miss_callback: be notified", "task late: sla: it became a deadline"]
    assert len(imported.reasons) == 3
    assert all(reason.startswith(start) for reason, start in zip(sorted(imported.reasons), starts)), imported.reasons
    tasks = imported.load()["sla"].document()["tasks"]
    assert {name: fields.get("deadline") for name, fields in tasks.items()} == {"two": "2h", "late": "150m", "any": None}


WEIGHTS = """
    from airflow.sdk import DAG, WeightRule
    from airflow.operators.empty import EmptyOperator
    from acme import Strategy

    with DAG("d", default_args={defaults}):
        EmptyOperator(task_id="one", {first}) >> EmptyOperator(task_id="two", {second})
"""
UPSTREAM = "task one: weight_rule: 'upstream' has no counterpart: the task has the priority that it is given"
OWN = "task one: weight_rule: a strategy of your own is not called: the task has the priority that it is given"
SEVERAL = "DAG d: weight_rule: its tasks have several, and a DAG has one priority_rule: it became inherited for all of them"


@pytest.mark.parametrize(
    ("defaults", "first", "second", "priorities", "rule", "reasons"),
    [
        ("{}", "priority_weight=1", "weight_rule='downstream'", [None, None], None, []),
        ("{}", "", "priority_weight=10", [None, 10], "inherited", []),
        ('{"priority_weight": 0}', "", "weight_rule=WeightRule.DOWNSTREAM", [0, 0], "inherited", []),
        ('{"weight_rule": "absolute"}', "priority_weight=3", "priority_weight=10", [3, 10], None, []),
        ("{}", "priority_weight=3, weight_rule=WeightRule.ABSOLUTE", "", [3, None], None, []),
        ("{}", "priority_weight=3, weight_rule=WeightRule.UPSTREAM", "", [3, None], None, [UPSTREAM]),
        ("{}", "weight_rule='upstream'", "", [None, None], None, [UPSTREAM]),
        ("{}", "priority_weight=3, weight_rule=Strategy()", "", [3, None], None, [OWN]),
        ("{}", "priority_weight=3, weight_rule='absolute'", "priority_weight=10", [3, 10], "inherited", [SEVERAL]),
    ],
)  # fmt: skip
def test_weights_are_priorities(importing, defaults, first, second, priorities, rule, reasons):
    imported = importing(WEIGHTS.format(defaults=defaults, first=first, second=second))
    assert imported.reasons == reasons
    document = imported.load()["d"].document()
    assert document.get("priority_rule") == rule
    assert [task.get("priority") for task in document["tasks"].values()] == priorities


def test_a_weight_that_is_not_known_is_in_the_report(importing):
    imported = importing(WEIGHTS.format(defaults="{}", first="priority_weight=Strategy.weight", second=""))
    assert any(reason.startswith("task one: priority can't be known here") for reason in imported.reasons), imported.reasons
    assert "priority_rule" not in imported.load()["d"].document()


def test_a_file_that_does_not_run_is_named_by_its_line(importing):
    imported = importing("from airflow.sdk import DAG\nx = 1 / 0\n")
    assert imported.result["project"] is None
    assert imported.result["by_hand"] == [
        {"file": "example.py", "line": 2, "reason": "the file can't be evaluated: ZeroDivisionError: division by zero"}
    ]
    broken = importing("from airflow.sdk import DAG\nx = (\n")
    assert "SyntaxError" in broken.reasons[0] and broken.result["by_hand"][0]["line"] == 2


def test_two_tasks_of_one_id_are_refused_as_by_airflow(importing):
    imported = importing(
        """
        from airflow.sdk import DAG
        from airflow.providers.standard.operators.empty import EmptyOperator
        with DAG("d"):
            EmptyOperator(task_id="a")
            EmptyOperator(task_id="a")
        """
    )
    assert "two tasks of DAG d have the id 'a'" in imported.reasons[0]


def test_missing_modules_become_recorders_and_dependencies(importing):
    imported = importing(
        """
        import pandas as pd
        from acme.tools import Loader
        from airflow.sdk import DAG, Variable, task

        with DAG("d"):
            @task
            def frame():
                return pd.DataFrame({"a": [1]}).to_dict()

            @task
            def read():
                return Variable.get("key")

            frame() >> read()
        """
    )
    assert '"pandas"' in imported.files["pyproject.toml"] and "acme" not in imported.files["pyproject.toml"]
    assert "import pandas as pd" in imported.files["dags/example.py"]
    assert '"variables": ["key"]' in imported.files["dags/example.py"]


def test_triggers_and_external_tasks_are_deferrals(importing):
    imported = importing(
        """
        from airflow.sdk import DAG
        from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
        from airflow.providers.standard.sensors.external_task import ExternalTaskSensor

        with DAG("d"):
            ExternalTaskSensor(task_id="wait", external_dag_id="other") >> TriggerDagRunOperator(
                task_id="start", trigger_dag_id="third", conf={"a": 1}, wait_for_completion=True
            )
        """
    )
    text = imported.files["dags/example.py"]
    assert 'airflow_support.external_task(context, "other", context.logical_date' in text
    assert 'airflow_support.trigger_dag_run(context, "third", {"a": 1}, wait=True)' in text
    assert imported.reasons == []


def test_an_external_task_is_waited_for_by_its_state(importing):
    imported = importing(
        """
        import datetime
        from airflow.sdk import DAG, TaskInstanceState
        from airflow.providers.standard.sensors.external_task import ExternalTaskSensor

        with DAG("d"):
            ExternalTaskSensor(
                task_id="one", external_dag_id="other", external_task_id="load it", timeout=600,
                execution_delta=datetime.timedelta(hours=1), allowed_states=["success"], failed_states=["failed"],
            )
            ExternalTaskSensor(
                task_id="ids", external_dag_id="other", external_task_ids=["group.a"],
                allowed_states=[TaskInstanceState.SUCCESS, TaskInstanceState.SKIPPED],
            )
            ExternalTaskSensor(task_id="whole", external_dag_id="third", skipped_states=["failed"])
            ExternalTaskSensor(task_id="soft", external_dag_id="{{ 'x' }}", external_task_id="{{ 'y' }}", soft_fail=True, timeout=5)
        """
    )
    text = imported.files["dags/example.py"]
    assert 'context, "other", context.logical_date - datetime.timedelta(seconds=3600), 600, tasks="load_it")' in text
    assert 'tasks=["group.a"], allowed=["success", "skipped"])' in text
    assert imported.reasons == []
    dag = imported.load()["d"]
    good = {
        "other": {"state": "failed", "tasks": {"load_it": "success", "group.a": "skipped"}},
        "third": {},
        "x": {"tasks": {"y": "success"}},
    }
    assert dag.test(runs=good).states == dict.fromkeys(["one", "ids", "whole", "soft"], "success")
    bad = {"other": {"tasks": {"load_it": "skipped", "group.a": "missing"}}, "third": {"state": "failed"}}
    run = dag.test(runs=bad, check=False)
    assert {task: (run.state(task), run.instances[task][0].message) for task in run.instances} == {
        "one": ("failed", "task load_it of DAG other ended as skipped"),
        "ids": ("failed", "there is no task group.a of DAG other"),
        "whole": ("skipped", "the run of DAG third ended as failed"),
        "soft": ("skipped", "task y of DAG x did not end in time"),
    }


def test_external_tasks_are_waited_for_one_after_the_other(importing):
    imported = importing(
        """
        from airflow.sdk import DAG
        from airflow.providers.standard.sensors.external_task import ExternalTaskSensor

        with DAG("d"):
            ExternalTaskSensor(task_id="wait", external_dag_id="other", external_task_ids=["a", "b", "c"], timeout=60)
        """
    )
    assert imported.reasons == []
    dag = imported.load()["d"]
    tasks = dict.fromkeys("abc", "success")
    assert dag.test(runs={"other": {"tasks": tasks}}).states == {"wait": "success"}
    for state, reason in [("failed", "ended as failed"), ("missing", "there is no task b")]:
        run = dag.test(runs={"other": {"tasks": {**tasks, "b": state}}}, check=False)
        assert reason in run.instances["wait"][0].message
    run = dag.test(runs={"other": {"tasks": {"a": "success", "b": "success"}}}, check=False)
    assert run.instances["wait"][0].message == "task c of DAG other did not end in time"


def test_what_an_external_task_sensor_can_not_wait_for_is_reported(importing):
    imported = importing(
        """
        from airflow.sdk import DAG
        from airflow.providers.standard.sensors.external_task import ExternalTaskSensor

        with DAG("d"):
            ExternalTaskSensor(task_id="group", external_dag_id="other", external_task_group_id="g")
            ExternalTaskSensor(task_id="state", external_dag_id="other", external_task_id="a", allowed_states=["success", "removed"])
            ExternalTaskSensor.partial(task_id="mapped", external_dag_id="other").expand(external_task_id=["a", "b"])
        """
    )
    assert len(imported.reasons) == 3
    for reason, words in zip(imported.reasons, ["not for its task group", "names the states removed", "it is mapped"]):
        assert words in reason
    run = imported.load()["d"].test(runs={"other": {"tasks": {"a": "success"}}}, check=False)
    assert run.states == {"group": "success", "state": "success", "mapped": "failed"}


def test_questions_are_approvals(importing):
    imported = importing(
        """
        import datetime
        from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLBranchOperator, HITLEntryOperator, HITLOperator
        from airflow.sdk import DAG, Param, task

        with DAG("d"):
            @task
            def one(): return 1

            @task
            def two(): return 2

            enter = HITLEntryOperator(task_id="enter", subject="How many?", params={"rows": Param(3, type="integer")})
            choose = HITLOperator(
                task_id="choose", subject="Which?", options=["option 1", "option 2"], defaults=["option 1"],
                response_timeout=datetime.timedelta(seconds=1),
            )
            approve = ApprovalOperator(task_id="approve", subject="Fine?", assigned_users=[{"id": "1", "name": "ada"}])
            branch = HITLBranchOperator(task_id="branch", subject="Next?", options=["one", "two"])
            [enter, choose] >> approve >> branch >> [one(), two()]
        """
    )
    assert len(imported.reasons) == 1 and "approvers" in imported.reasons[0]
    dag = imported.load()["d"]
    answers = {"enter": {"option": "OK", "fields": {"rows": 5}}, "approve": "Approve", "branch": "two"}
    run = dag.test(approvals=answers)
    assert run.output("enter")["params_input"] == {"rows": 5}
    assert run.output("choose") == {
        "chosen_options": ["option 1"], "params_input": {}, "responded_by_user": None, "timedout": True,
    }  # fmt: skip
    assert run.states == {**run.states, "one": "skipped", "two": "success"}
    rejected = dag.test(approvals={**answers, "approve": "Reject"})
    assert rejected.state("two") == "skipped"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("old/a.py", True), ("old/keep.py", False), ("x/a_test.py", True), ("x/a.py", False), ("lib/deep/b.py", True)],
)
def test_ignored_files_are_left_out(name, expected):
    sources = {".airflowignore": "old/\n!keep.py\n*_test.py\nlib/**\n# comment\n"}
    assert ignored(name, sources) is expected


def test_dag_files_have_both_words():
    assert is_dag_file("a.py", b"from airflow import DAG")
    assert not is_dag_file("a.py", b"import airflow")
    assert not is_dag_file("a.sql", b"airflow dag")


def test_nothing_of_the_sources_is_left_behind():
    assert "airflow" not in sys.modules and "pendulum" not in sys.modules
    assert "shop" not in sys.modules and "example" not in sys.modules


S3 = """
    from airflow.sdk import DAG
    from airflow.providers.amazon.aws.operators.s3 import S3CopyObjectOperator, S3CreateObjectOperator, S3ListOperator
    from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor

    with DAG("buckets"):
        (
            S3KeySensor(task_id="wait", bucket_key="s3://b/in/*.csv", wildcard_match=True, poke_interval=5)
            >> S3CreateObjectOperator(task_id="create", s3_bucket="b", s3_key="out/{{ ds }}.txt", data="x", replace=True)
            >> S3CopyObjectOperator(task_id="copy", source_bucket_key="s3://b/a", dest_bucket_key="c/a", dest_bucket_name="d")
            >> S3ListOperator(task_id="list", bucket="b", prefix="out/")
        )
"""


def test_operators_of_s3_make_signed_requests(importing, monkeypatch):
    imported = importing(S3)
    assert len(imported.reasons) == 4 and all("aws_default" in reason for reason in imported.reasons)
    dag = imported.load()["buckets"]
    assert dag.document()["tasks"]["list"]["grants"]["http"] == ["s3.us-east-1.amazonaws.com"]
    sent = []

    class Answer:
        def __init__(self, body):
            self.body = body

        def __enter__(self):
            return self

        def __exit__(self, *_error): ...

        def read(self):
            return self.body

    def answer(request):
        sent.append(request)
        key = "in/1.csv" if "prefix=in" in request.full_url else "out/1"
        return Answer(f'<r xmlns="http://s3"><Contents><Key>{key}</Key></Contents></r>'.encode())

    import urllib.request

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    run = dag.test(variables={"aws_access_key_id": "KEY", "aws_secret_access_key": "SECRET"})
    assert run.output("list") == ["out/1"]
    lines = [f"{request.get_method()} {request.full_url.partition('amazonaws.com')[2].partition('?')[0]}" for request in sent]
    assert lines[0] == "GET /b" and lines[1].startswith("PUT /b/out/20") and lines[2:] == ["PUT /d/c/a", "GET /b"]
    assert sent[2].headers["X-amz-copy-source"] == "/b/a"
    assert all("Credential=KEY/" in request.headers["Authorization"] for request in sent)


def test_the_signature_is_that_of_the_published_example():
    from weft_airflow.airflow_s3 import signature

    # 'Authenticating Requests: Using the Authorization Header', the example of GET Object.
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {"range": "bytes=0-9", "x-amz-content-sha256": empty, "x-amz-date": "20130524T000000Z"}
    made = signature(
        "GET", "https://examplebucket.s3.amazonaws.com/test.txt", headers, b"",
        "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )  # fmt: skip
    assert made.endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


def test_objects_methods_lambdas_and_decorators_come_along(importing):
    imported = importing(
        """
        import functools
        from dataclasses import dataclass
        from airflow import DAG
        from airflow.decorators import task
        from airflow.operators.python import PythonOperator

        @dataclass
        class Table:
            name: str
            rows: int = 3

        class Loader:
            def __init__(self, table):
                self.table = table

            def run(self, **context):
                return f"{self.table.name} {context['ds'][:2]}"

        def doubled(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return 2 * function(*args, **kwargs)

            return wrapper

        def rows(table, factor, **context):
            return table.rows * factor

        with DAG("objects") as dag:
            for table in (Table("a"), Table("b", 4)):
                PythonOperator(task_id=f"load_{table.name}", python_callable=Loader(table).run)
                PythonOperator(task_id=f"rows_{table.name}", python_callable=functools.partial(rows, table, factor=10))
                PythonOperator(task_id=f"name_{table.name}", python_callable=lambda name=table.name: name)

            @task
            @doubled
            def number(x, *, y=1):
                return x + y

            number(3, y=4)
        """
    )
    assert imported.reasons == []
    run = imported.load()["objects"].test()
    assert run.output("load_a") == "a 20" and run.output("load_b") == "b 20"
    assert run.output("rows_a") == 30 and run.output("rows_b") == 40
    assert run.output("name_a") == "a" and run.output("name_b") == "b"
    assert run.output("number") == 14


def test_ids_of_pulls_may_be_made_when_the_task_runs(importing):
    imported = importing(
        """
        from airflow import DAG
        from airflow.operators.empty import EmptyOperator
        from airflow.operators.python import PythonOperator

        def load(name, ti):
            ti.xcom_push(key="rows", value=len(name))

        def total(ti):
            return sum(ti.xcom_pull(task_ids=[f"load_{name}" for name in ("a", "bb")], key="rows"))

        def first(ti):
            before = "load_" + "bb"
            return ti.xcom_pull(task_ids=before if ti.try_number else "load_a", key="rows")

        with DAG("made") as dag:
            wait = EmptyOperator(task_id="wait")
            for name in ("a", "bb"):
                PythonOperator(task_id=f"load_{name}", python_callable=load, op_kwargs={"name": name}) >> wait
            wait >> [PythonOperator(task_id="total", python_callable=total), PythonOperator(task_id="first", python_callable=first)]
        """
    )
    assert imported.reasons == []
    run = imported.load()["made"].test()
    assert (run.output("total"), run.output("first")) == (3, 2)


def test_a_branch_may_choose_a_group(importing):
    imported = importing(
        """
        from airflow.sdk import DAG, TaskGroup, task
        from airflow.providers.standard.operators.empty import EmptyOperator

        with DAG("groups"):
            @task.branch
            def choose():
                return ["left"]

            with TaskGroup("left") as left:
                EmptyOperator(task_id="a") >> EmptyOperator(task_id="b")
            with TaskGroup("right") as right:
                EmptyOperator(task_id="a")
            choose() >> [left, right]
        """
    )
    states = imported.load()["groups"].test().states
    assert states == {"choose": "success", "left.a": "success", "left.b": "success", "right.a": "skipped"}


def test_what_no_task_can_do_is_found_in_the_body(importing):
    imported = importing(
        """
        import subprocess
        import requests
        from airflow.sdk import DAG, task

        URL = "https://api.example.org/v1"

        def call():
            return requests.get(URL).json()

        with DAG("bodies"):
            @task
            def program():
                subprocess.run(["ls"])

            @task
            def fetch():
                return call()

            program() >> fetch()
        """
    )
    assert imported.reasons == ["the task starts a program (subprocess.run), which no task in the sandbox can"]
    assert imported.result["by_hand"][0]["line"] == 14
    text = imported.files["dags/example.py"]
    assert '"http": ["api.example.org"]' in text and '"requests"' in imported.files["pyproject.toml"]
