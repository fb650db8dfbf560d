"""Task groups that are mapped: documents, runs in this process, and mistakes."""

from dataclasses import dataclass
from datetime import date

import pytest

import weft.testing
from weft import Context, Skip, TaskGroup, dag, get_current_context, task, task_group
from weft.attempt import Success, run
from weft.dags import registered
from weft.document import Catalogue
from weft.local.run import RunFailed

FILES = [{"path": "a", "size": 1}, {"path": "b", "size": 2}, {"path": "c"}]


@task
def files(given: list = FILES) -> list:  # noqa: B006
    return given


@task
def fetch(path: str, day: int = 1) -> dict:
    return {"path": path, "day": day}


@task
def store(rows: dict, size: int = 0) -> str:
    return f"{rows['path']}{rows['day']} {size}"


@task
def report(stored: list[str]) -> str:
    return ", ".join(stored)


def document(function):
    return function.build().document()


def test_a_mapped_group_is_in_the_document_and_its_tasks_take_elements():
    @task_group
    def load(file, day):
        fetched = fetch(file["path"], day)
        return store(fetched, file["size"])

    @dag
    def nightly(day: int = 7):
        report(load.partial(day=day).expand(file=files()))

    found = document(nightly)
    assert found["groups"] == {"load": {"expand": {"file": "files"}}}
    tasks = found["tasks"]
    assert list(tasks) == ["files", "load.fetch", "load.store", "report"]
    assert tasks["load.fetch"]["inputs"] == {"path": {"element": "file", "pointer": "/path"}, "day": {"param": "day"}}
    assert tasks["load.store"]["inputs"] == {"rows": "load.fetch", "size": {"element": "file", "pointer": "/size"}}
    assert tasks["load.store"]["types"]["inputs"]["size"] == {"type": "integer"}
    assert tasks["report"]["inputs"] == {"stored": "load.store"}
    assert not {"expand", "zip", "after"} & (tasks["load.fetch"].keys() | tasks["load.store"].keys())

    run = nightly.test()
    assert run.output("load.fetch")[1] == {"path": "b", "day": 7}
    assert run.output("report") == "a7 1, b7 2, c7 0"
    assert [call.attempts for call in run.instances["load.store"]] == [1, 1, 1]


def test_a_group_is_mapped_over_all_combinations_or_by_position():
    @task
    def pair(file: str, table: str) -> str:
        return file + table

    @task_group
    def load(file, table):
        return pair(file, table)

    @dag
    def combined(count: int = 2):
        names = files(["a", "b", "c"])
        load.expand(file=names, table=["x", "y"])
        load.zip(file=names, table=["x", "y", "z"])
        report(load.partial(table="t").zip(file=files.override(task_id="named")(["a"])))

    found = document(combined)
    assert found["groups"] == {
        "load": {"expand": {"file": "files", "table": {"value": ["x", "y"]}}},
        "load__1": {"expand": {"file": "files", "table": {"value": ["x", "y", "z"]}}, "zip": True},
        "load__2": {"expand": {"file": "named"}, "zip": True},
    }
    assert found["tasks"]["load__2.pair"]["inputs"] == {"file": {"element": "file"}, "table": {"value": "t"}}
    run = combined.test()
    assert run.output("load.pair") == ["ax", "ay", "bx", "by", "cx", "cy"]
    assert run.output("load__1.pair") == ["ax", "by", "cz"]
    assert run.output("report") == "at"


def test_lists_of_a_group_that_go_together_have_one_length():
    @task_group
    def load(path, size):
        return store(fetch(path), size)

    @dag
    def unlike():
        load.zip(path=files(["a", "b", "c"]), size=[1, 2])

    with pytest.raises(RunFailed, match=r'load.fetch: the task can\'t be mapped: the lists "path" \(3\) and "size" \(2\)'):
        unlike.test()
    run = unlike.test(check=False)
    assert run.states == {"files": "success", "load.fetch": "failed", "load.store": "upstream_failed"}


def test_parameters_of_a_group_are_taken_by_name_from_dicts():
    @task_group
    def load(path: str, size: int = 5, day=1):
        return store(fetch(path, day), size)

    @dag
    def rows(given: list = FILES):  # noqa: B006
        load.expand_kwargs(files())
        load.partial(day=2).expand_kwargs(given.each.filter("size"))
        load.partial(day=3).expand_kwargs([{"path": "a"}, {"path": "b", "size": 9}])
        load.expand_kwargs([])

    found = document(rows)
    assert found["groups"] == {
        "load": {"expand": {"row": "files"}},
        "load__1": {"expand": {"row": {"param": "given", "filter": "/size"}}},
        # The group's defaults are known for constants.
        "load__2": {"expand": {"row": {"value": [{"path": "a", "size": 5}, {"path": "b", "size": 9}]}}},
        "load__3": {"expand": {"row": {"value": []}}},
    }
    assert found["tasks"]["load__1.store"]["inputs"]["size"] == {"element": "row", "pointer": "/size"}
    run = rows.test()
    # What an output's element lacks is left to the default of the task.
    assert run.output("load.store") == ["a1 1", "b1 2", "c1 0"]
    assert run.output("load__1.store") == ["a2 1", "b2 2"]
    assert run.output("load__2.store") == ["a3 5", "b3 9"]
    assert run.state("load__3.store") == "skipped"


def test_a_part_that_typed_elements_never_have_is_left_to_the_default_of_the_group():
    @dataclass
    class File:
        path: str

    @task
    def typed() -> list[File]:
        return [File("a")]

    @task_group
    def load(path, size=7):
        return store(fetch(path), size)

    @dag
    def rows():
        load.expand_kwargs(typed())

    assert document(rows)["tasks"]["load.store"]["inputs"]["size"] == {"value": 7}
    assert rows.test().output("load.store") == ["a1 7"]


def test_constants_of_a_group_are_what_its_annotations_say():
    @task
    def day_of(day: date) -> int:
        return day.day

    @task_group
    def days(day: date, rest=None):
        return day_of(day)

    @dag
    def dates():
        days.expand(day=[date(2026, 1, 2), date(2026, 1, 3)])
        days.expand(rest=[date(2026, 1, 2)], day=[date(2026, 1, 4)])

    assert document(dates)["groups"]["days"] == {"expand": {"day": {"value": ["2026-01-02", "2026-01-03"]}}}
    run = dates.test()
    assert (run.output("days.day_of"), run.output("days__1.day_of")) == ([2, 3], [4])


def test_elements_of_a_group_are_filtered_and_parts_of_elements():
    @task_group
    def load(size):
        return store({"path": "x", "day": 0}, size)

    @dag
    def filtered():
        load.expand(size=files().each.filter("size")["size"])
        load.expand(size=files().each["size"])
        load.expand(size=files().each.filter("deleted"))

    assert document(filtered)["groups"]["load"] == {
        "expand": {"size": {"task": "files", "filter": "/size", "each": "/size"}}
    }
    run = filtered.test()
    assert run.output("load.store") == ["x0 1", "x0 2"]
    assert run.output("load__1.store") == ["x0 1", "x0 2", "x0 0"]
    assert run.state("load__2.store") == "skipped"


def test_an_empty_list_skips_the_group():
    @task(trigger_rule="all_done")
    def clean(rows: dict = None):  # noqa: RUF013
        ...

    @task(trigger_rule="none_failed")
    def count(stored: list[str]) -> int:
        return len(stored)

    @task_group
    def load(file):
        fetched = fetch(file["path"])
        clean(fetched)
        return store(fetched)

    @dag
    def empty():
        count(load.expand(file=files([])))

    run = empty.test()
    assert run.states == {
        "files": "success", "load.fetch": "skipped", "load.clean": "skipped", "load.store": "skipped", "count": "success",
    }  # fmt: skip
    assert run.output("count") == 0


@task
def check(n: int) -> int:
    if n == 2:
        raise ValueError("two")
    if n == 3:
        raise Skip("three")
    return n * 10


def test_an_instance_depends_on_the_instances_of_its_index_alone():
    seen = {}

    @task
    def after(n: int) -> int:
        return n + 1

    @task(trigger_rule="all_done")
    def done(n: int, checked: int | None, context: Context):
        seen[context.map_index] = [n, checked]

    @task(trigger_rule="one_failed")
    def repair(n: int) -> int:
        return n

    @task(trigger_rule="none_failed")
    def unless_failed():
        return get_current_context().map_index

    @task_group
    def each(n):
        checked = check(n)
        result = after(checked)
        done(n, checked)
        checked >> [repair(n), unless_failed()]
        return result

    @task(trigger_rule="all_done")
    def total(values: list[int]) -> int:
        return sum(values)

    @dag
    def numbers():
        total(each.expand(n=[1, 2, 3, 4]))

    run = numbers.test(check=False)

    def states(task_id):
        return [instance.state for instance in run.instances[task_id]]

    assert states("each.check") == ["success", "failed", "skipped", "success"]
    assert states("each.after") == ["success", "upstream_failed", "skipped", "success"]
    assert states("each.repair") == ["skipped", "success", "skipped", "skipped"]
    assert states("each.unless_failed") == ["success", "upstream_failed", "success", "success"]
    assert seen == {0: [1, 10], 1: [2, None], 2: [3, None], 3: [4, 40]}
    assert run.output("each.repair") == [2]
    assert run.output("each.unless_failed") == [0, 2, 3]
    assert run.output("total") == 11 + 41


def test_what_is_upstream_outside_of_a_group_counts_for_every_instance():
    @task
    def broken():
        raise ValueError("no")

    @task
    def plain(): ...

    @task
    def after(n: int): ...

    @task_group
    def each(n, before):
        checked = check(n)
        before >> (result := after(checked))
        return result

    @dag
    def numbers():
        each.partial(before=broken()).expand(n=[1, 2])
        each.partial(before=plain()).expand(n=[1, 2])

    run = numbers.test(check=False)
    # One end for the whole task, as no instance can start.
    assert [instance.state for instance in run.instances["each.after"]] == ["upstream_failed"]
    assert [instance.state for instance in run.instances["each__1.after"]] == ["success", "upstream_failed"]


def test_teardowns_of_a_group_undo_the_setup_of_their_element():
    destroyed = []

    @task
    def create(n: int) -> int:
        if n == 1:
            raise ValueError("no cluster")
        return n

    @task
    def work(n: int):
        if n == 2:
            raise ValueError("no work")

    @task
    def destroy(n: int):
        destroyed.append(n)

    @task_group
    def cluster(n):
        made = create(n)
        work(made) >> destroy(made).teardown_of(made)

    @task(trigger_rule="all_done")
    def last(): ...

    @dag
    def clusters():
        cluster.expand(n=[1, 2, 3]) >> last()

    found = document(clusters)["tasks"]
    assert found["cluster.destroy"]["teardown_of"] == ["cluster.create"]
    assert found["last"]["after"] == ["cluster.work"]
    run = clusters.test(check=False)
    assert [instance.state for instance in run.instances["cluster.destroy"]] == ["upstream_failed", "success", "success"]
    assert destroyed == [2, 3]


def test_a_function_of_map_is_called_by_each_task_that_takes_its_element():
    calls = []

    def numbered(row):
        calls.append(get_current_context().task_id)
        if row["path"] == "b":
            raise Skip("b")
        return {"path": row["path"] * 2, "size": 3}

    @task
    def show(rows: list) -> list:
        return rows

    @task_group
    def load(file):
        show([file["size"], file["none"], file])
        return store(fetch(file["path"]))

    @task_group
    def by_name(path, size, none=1):
        store(fetch(path, none), size)

    @dag
    def computed():
        load.expand(file=files().map(numbered))
        by_name.expand_kwargs(files().map(lambda row: {"size": 4, **row}))

    found = document(computed)
    assert found["tasks"]["load.fetch"]["inputs"] == {"path": {"element": "file"}}
    assert "inputs" not in found["tasks"]["load.fetch"]["types"]
    run = computed.test()
    assert run.output("load.store") == ["aa1 0", "cc1 0"]
    assert run.output("load.show")[0] == [3, None, {"path": "aa", "size": 3}]
    assert run.instances["load.fetch"][1].message == "b"
    assert set(calls) == {"load.show", "load.fetch"}
    assert run.output("by_name.store") == ["a1 1", "b1 2", "c1 4"]


def test_a_component_runs_an_instance_of_a_group():
    @task_group
    def load(file):
        store(fetch(file["path"]), file["size"])

    @dag
    def one():
        load.expand(file=files().map(lambda row: {**row, "path": row["path"] + "!"}))

    node = Catalogue(registered()).tasks["load.fetch"]
    with weft.testing.attempt(map_index=0):
        assert run(node, {"path": {"path": "a"}}) == Success({"path": "a!", "day": 1})


def test_an_element_without_the_part_fails_a_task_that_needs_it():
    @task
    def measure(size: int) -> int:
        return size

    @task_group
    def load(file):
        measure(file["size"])

    @dag
    def lacking():
        load.expand(file=files())

    run = lacking.test(check=False)
    assert run.output("load.measure") == [1, 2]
    assert run.instances["load.measure"][2].message == (
        "input size: is missing: the element has nothing at /size, and the parameter has no default"
    )


def test_a_function_may_return_several_edges_or_none():
    @task_group
    def load(file):
        fetched = fetch(file["path"])
        return {"fetched": fetched, "stored": (store(fetched), fetched)}

    @task
    def count(fetched: list[dict], stored: list[str], first: dict) -> list:
        return [len(fetched), len(stored), first["path"]]

    @task
    def after(): ...

    @task_group
    def alone(file):
        fetch(file["path"])

    @dag
    def several():
        result = load.expand(file=files())
        count(result["fetched"], result["stored"][0], result["stored"][1][0])
        # Mapped over the list of outputs, and over a part of each.
        fetch.expand(path=result["fetched"].each["path"])
        alone.expand(file=files()) >> after()

    tasks = document(several)["tasks"]
    assert tasks["count"]["inputs"]["first"] == {"task": "load.fetch", "pointer": "/0"}
    assert tasks["fetch"]["expand"] == {"path": {"task": "load.fetch", "each": "/path"}}
    assert tasks["after"]["after"] == ["alone.fetch"]
    assert several.test().output("count") == [3, 3, "a"]


def test_groups_are_within_a_mapped_group_and_around_it():
    @task_group
    def inner(path):
        return fetch(path)

    @task_group
    def load(file):
        with TaskGroup("later", prefix_group_id=False):
            return store(inner(file["path"]))

    @dag
    def nested():
        with TaskGroup("outer"):
            stored = load.expand(file=files())
            both = inner("z")
        report(stored) << both

    found = document(nested)
    assert found["groups"] == {"outer.load": {"expand": {"file": "outer.files"}}}
    assert list(found["tasks"]) == ["outer.files", "outer.load.inner.fetch", "outer.load.store", "outer.inner.fetch", "report"]
    assert nested.test().output("report") == "a1 0, b1 0, c1 0"


def test_a_task_before_a_group_chooses_that_it_runs():
    @task.short_circuit
    def go_on(yes: bool):
        return yes

    @task_group
    def load(file):
        store(fetch(file["path"]))

    @dag
    def circuit(yes: bool = False):
        go_on(yes) >> load.expand(file=files())

    assert set(circuit.test().states.values()) == {"success", "skipped"}
    assert circuit.test().state("load.store") == "skipped"
    assert circuit.test({"yes": True}).state("load.store") == "success"


@task_group
def single(file, day=1):
    return fetch(file, day)


@task_group
def mapped_inside(file):
    fetch.expand(path=[1, 2])


@task_group
def rows_inside(file):
    fetch.expand_kwargs([{"path": "a"}])


@task_group
def branch_inside(file):
    task.branch(fetch.function)(file)


@task_group
def circuit_inside(file):
    task.short_circuit(fetch.function)(file)


@task_group
def group_inside(file):
    single.expand(file=["a"])


@task_group
def element_mapped(file):
    single.expand(file=file)


@task_group
def element_of_element(file):
    file["rows"].each  # noqa: B018


@task_group
def element_counted(file):
    return 1 if file else 2


@task_group
def element_returned(file):
    fetch(file)
    return file


@task_group
def part_returned(file):
    return fetch(file)["path"]


@task_group
def nothing_inside(file): ...


@task_group
def other(file, taken):
    fetch(taken)


@task_group(prefix_group_id=False)
def unprefixed(file):
    fetch(file)


@task_group
def many(*file): ...


def taken_elsewhere():
    other.partial(taken=element_returned.expand(file=["a"])).expand(file=["b"])


def named_alike():
    single.expand(file=["a"])
    fetch.override(task_id="single.more")("x")


BAD = [
    ("group single: expand needs something to map over", lambda: single.expand()),
    ("group single: zip needs something to map over", lambda: single.partial(day=1).zip()),
    ("group single: got an unexpected keyword argument 'x'", lambda: single.expand(file=["a"], x=[1])),
    ("group single: missing a required argument: 'file'", lambda: single.expand(day=[1])),
    ("group single: 'day' is given by partial and by expand", lambda: single.partial(day=1).expand(file=["a"], day=[1])),
    ("group single: expand\\(file=...\\) takes a list, not 5", lambda: single.expand(file=5)),
    ("group single: expand\\(file=...\\) takes a list or one task's output", lambda: single.expand(file=[files(), files()])),
    ("group single: file\\[0\\]: object <object", lambda: single.expand(file=[object()])),
    ('"file" \\(1\\) and "day" \\(2\\) go together', lambda: single.zip(file=["a"], day=[1, 2])),
    ("group single: expand_kwargs takes a list of dicts, not 5", lambda: single.expand_kwargs(5)),
    ("element 0 is a dict of parameters, not 5", lambda: single.expand_kwargs([5])),
    ("element 1: there is no parameter 'x'", lambda: single.expand_kwargs([{"file": 1}, {"file": 1, "x": 2}])),
    ("element 0: 'day' is given by partial", lambda: single.partial(day=1).expand_kwargs([{"file": 1, "day": 2}])),
    ("element 0: parameter 'file' is missing", lambda: single.expand_kwargs([{"day": 1}])),
    ("put several outputs together in a task", lambda: single.expand_kwargs([{"file": files()}])),
    ("no parameter left to map over", lambda: single.partial(file=1, day=1).expand_kwargs(files())),
    ("\\*file has none", lambda: many.expand_kwargs(files())),
    ("task fetch: a task of the mapped group mapped_inside can't be mapped itself", lambda: mapped_inside.expand(file=[1])),
    ("task fetch: a task of the mapped group rows_inside can't be mapped", lambda: rows_inside.expand(file=[1])),
    ("mapped group branch_inside can't choose what runs; raise Skip", lambda: branch_inside.expand(file=[1])),
    ("mapped group circuit_inside can't choose what runs", lambda: circuit_inside.expand(file=[1])),
    ("group single: it is within the mapped group group_inside", lambda: group_inside.expand(file=[1])),
    ("group single: it is within the mapped group element_mapped", lambda: element_mapped.expand(file=[1])),
    ("<element file/rows of group element_of_element> can't be mapped over", lambda: element_of_element.expand(file=[1])),
    ("<element file of group element_counted> can't be tested", lambda: element_counted.expand(file=[1])),
    ("task fetch: path: <element file of group element_returned> is known only", lambda: fetch(element_returned.expand(file=[1]))),
    ("task other.fetch: path: <element file of group element_returned> is known", taken_elsewhere),
    ("of group element_returned> can't be mapped over", lambda: fetch.expand(path=element_returned.expand(file=[1]))),
    ("of group element_returned> can't be mapped over", lambda: single.expand(file=element_returned.expand(file=[1]))),
    ("nothing can wait for it", lambda: fetch("x") >> element_returned.expand(file=[1])),
    ("<output of part_returned.fetch/path> is a part of what each instance returns", lambda: fetch(part_returned.expand(file=[1]))),
    ("is a part of what each instance returns", lambda: fetch.expand(path=part_returned.expand(file=[1])["x"])),
    ("group single: expand\\(file=...\\): .* is a part of", lambda: single.expand(file=part_returned.expand(file=[1]))),
    ("group nothing_inside: a mapped group has at least one task", lambda: (nothing_inside.expand(file=[1]), fetch("a"))),
    ("leave out prefix_group_id=False", lambda: unprefixed.expand(file=[1])),
    ("task single.more: its id says that it is in the mapped group single", named_alike),
]  # fmt: skip


@pytest.mark.parametrize(("message", "call"), BAD, ids=[message for message, _ in BAD])
def test_mistakes_are_explained(message, call):
    @dag
    def mistaken():
        call()

    with pytest.raises(TypeError, match=message):
        document(mistaken)

    # What was open is closed: other DAGs can be made.
    @dag
    def whole():
        fetch("x")

    assert list(document(whole)["tasks"]) == ["fetch"]


def test_a_group_is_mapped_in_a_dag_alone():
    with pytest.raises(TypeError, match="expand maps a group of a DAG; call it inside of a @dag function"):
        single.expand(file=["a"])


def test_a_group_that_is_not_mapped_stays_as_it_is():
    @dag
    def plain():
        report([store(single("a"))])

    assert "groups" not in document(plain)
    assert plain.test().output("report") == "a1 0"
    assert single.__name__ == "single"
