"""Writes tasks of operators other than those of Python functions."""

from __future__ import annotations

import datetime
import re
from typing import Any

from weft_airflow.literal import literal
from weft_airflow.model import MappedArgument, Output
from weft_airflow.plan import SETTINGS, Plan, form_of, identifier, weekdays
from weft_airflow.python_tasks import PythonTasks
from weft_airflow.reach import Reached
from weft_airflow.scope import S3, SUPPORT
from weft_airflow.settings import rule_of
from weft_airflow.shell import can_run, program_of


class OperatorTasks(PythonTasks):
    """The part of the writer that writes operators: one method for each kind of task."""

    # Operators.

    def _empty(self, plan: Plan, _found: Reached) -> None:
        plan.text = "pass"

    def _bash(self, plan: Plan, found: Reached) -> None:
        task = plan.task
        plan.uses_context = True
        if getattr(task, "decorated", False):
            self.report.add(*task.where, f"task {task.task_id}: a task can't start a shell: of the command that the function returns, only echo, sleep, date, true, false and exit are carried out")
            function = task.settings["python_callable"]
            self._wrapped(plan, function, list(task.settings.get("op_args") or []), dict(task.settings.get("op_kwargs") or {}), found)
            if plan.text.startswith("return "):
                plan.text = f"return {self._support()}.bash(context, {plan.text.removeprefix('return ')})"
            return
        command, env = task.settings.get("bash_command"), task.settings.get("env") or {}
        element = self._mapped_operator(plan, {"bash_command": None, "env": "None"})
        if element is None:
            return
        if "env" in element and isinstance(command, str):
            # Each instance has variables of its own: those that the command names.
            env = dict.fromkeys(re.findall(r"\$\{?([A-Za-z_]\w*)", command))
        if "bash_command" in element:
            command_text = element["bash_command"]
        elif isinstance(command, (Output, MappedArgument)):
            command_text = self._value(plan, command)
            self.report.add(*task.where, f"task {task.task_id}: a task can't start a shell: of the command, only echo, sleep, date, true, false and exit are carried out")
        elif isinstance(command, str) and isinstance(env, dict) and can_run(command, env):
            command_text = literal(command)
        else:
            text = command if isinstance(command, str) else str(command)
            program = program_of(text)
            if program and program.endswith(".wasm"):
                self._by_hand(plan, f"{program} is a WASI program: make it a task of a dag.toml (program = {program!r}), beside this project as a component")
            else:
                self._by_hand(plan, f"a task can't start a shell: write it in Python, or build the program for WASI and make it a task of a dag.toml: {' '.join(text.split())[:120]}")
            plan.bound.clear()
            plan.mapped.clear()
            plan.rows = ""
            plan.keywords.clear()
            plan.uses_context = False
            return
        pieces = ["context", command_text, *self._common(plan, found)]
        if env or "env" in element:
            pieces.append(f"env={element.get('env') or self._value(plan, env)}")
        if task.settings.get("skip_on_exit_code") not in (None, 99):
            pieces.append(f"skip_on={self._value(plan, task.settings['skip_on_exit_code'])}")
        plan.text = f"return {self._support()}.bash({', '.join(pieces)})"

    def _bash_sensor(self, plan: Plan, found: Reached) -> None:
        self._by_hand(plan, "a task can't start a shell: write the check in Python with @task.sensor")

    def _latest_only(self, plan: Plan, _found: Reached) -> None:
        plan.settings["latest_only"] = True
        plan.text = "pass"
        for later in plan.task.downstream_list:
            rule = rule_of(later)
            if rule not in ("all_success", "none_skipped") and not later.is_teardown:
                self.report.add(*later.where, f"task {later.task_id}: where {plan.task.task_id} is skipped, Airflow skips it whatever its rule, and by {rule} it may run: give it latest_only=True too")

    def _branch_datetime(self, plan: Plan, _found: Reached) -> None:
        plan.decorator, plan.uses_context = "branch", True
        given = plan.task.settings
        moment = "context.logical_date" if given.get("use_task_logical_date") or given.get("use_task_execution_date") else "datetime.datetime.now(datetime.timezone.utc)"
        self._import("import datetime")
        support = self._support()
        between = f"{support}.between({moment}, {self._value(plan, given.get('target_lower'))}, {self._value(plan, given.get('target_upper'))})"
        plan.text = f"return {support}.branch_by({between}, {self._value(plan, given.get('follow_task_ids_if_true'))}, {self._value(plan, given.get('follow_task_ids_if_false'))})"

    def _branch_day_of_week(self, plan: Plan, _found: Reached) -> None:
        plan.decorator, plan.uses_context = "branch", True
        given = plan.task.settings
        moment = "context.logical_date" if given.get("use_task_logical_date") or given.get("use_task_execution_day") else "datetime.datetime.now(datetime.timezone.utc)"
        self._import("import datetime")
        support = self._support()
        plan.text = f"return {support}.branch_by({support}.is_weekday({moment}, {self._value(plan, weekdays(given.get('week_day')))}), {self._value(plan, given.get('follow_task_ids_if_true'))}, {self._value(plan, given.get('follow_task_ids_if_false'))})"

    def _trigger_dag_run(self, plan: Plan, found: Reached) -> None:
        given = plan.task.settings
        if plan.task.mapped is not None:
            self._by_hand(plan, "it is mapped: call the DAG from a mapped task in Python (raise Defer(call=Call(...)))")
            return
        plan.uses_context = True
        wait = bool(given.get("wait_for_completion"))
        if not wait:
            self.report.add(*plan.task.where, f"task {plan.task.task_id} waits for the end of the run that it triggers: without wait_for_completion, Airflow's does not")
        pieces = ["context", self._value(plan, given.get("trigger_dag_id")), self._value(plan, given.get("conf")), f"wait={wait}", *[one for one in self._common(plan, found) if one != "pushes=True"]]
        plan.text = f"{self._support()}.trigger_dag_run({', '.join(pieces)})"

    def _external_task_sensor(self, plan: Plan, found: Reached) -> None:
        given = plan.task.settings
        if plan.task.mapped is not None:
            self._by_hand(plan, "it is mapped: wait in a mapped task in Python (other_dag of weft.sensors)")
            return
        plan.uses_context = True
        moment = "context.logical_date"
        if given.get("execution_delta") is not None:
            moment += f" - {self._value(plan, given['execution_delta'])}"
        elif given.get("execution_date_fn") is not None:
            moment = f"{self._value(plan, given['execution_date_fn'])}(context.logical_date)"
        if given.get("external_task_group_id"):
            self.report.add(*plan.task.where, f"task {plan.task.task_id} waits for the whole run of {given.get('external_dag_id')}, not for its task group: name the group's tasks in `tasks`")
        timeout = given.get("timeout")
        timeout = timeout.total_seconds() if hasattr(timeout, "total_seconds") else timeout
        pieces = ["context", self._value(plan, _ids(given.get("external_dag_id"))), moment, literal(timeout)]
        tasks = given.get("external_task_id") or given.get("external_task_ids")
        if tasks:
            pieces.append(f"tasks={self._value(plan, _ids(tasks))}")
        allowed, skipped = given.get("allowed_states"), given.get("skipped_states")
        if allowed and list(allowed) != ["success"]:
            pieces.append(f"allowed={self._states(plan, allowed)}")
        if skipped:
            pieces.append(f"skipped={self._states(plan, skipped)}")
        if given.get("soft_fail"):
            pieces.append("soft_fail=True")
        pieces += [one for one in self._common(plan, found) if one != "pushes=True"]
        plan.text = f"{self._support()}.external_task({', '.join(pieces)})"

    def _states(self, plan: Plan, states: Any) -> str:
        """States in which another DAG's run or task may end."""
        names = [str(state) for state in states]
        others = [name for name in names if name not in ("success", "failed", "skipped")]
        if others:
            self.report.add(*plan.task.where, f"task {plan.task.task_id} names the states {', '.join(others)}: a run and a task that it waits for end as success, failed, skipped or cancelled")
        return literal(names)

    def _http(self, plan: Plan, found: Reached) -> None:
        given = plan.task.settings
        element = self._mapped_operator(plan, {"endpoint": '""', "method": '"POST"', "data": "None", "headers": "None"})
        if element is None:
            return
        plan.uses_context = True
        endpoint = given.get("endpoint") or ""
        base = self._connection(plan, given.get("http_conn_id") or "http_default", endpoint if isinstance(endpoint, str) else "")
        method = given.get("method") or "POST"
        pieces = ["context", base]
        for name, value in (("endpoint", endpoint), ("method", method), ("data", given.get("data")), ("headers", given.get("headers"))):
            pieces.append(element.get(name) or self._value(plan, value))
        for name, keyword in (("response_check", "check"), ("response_filter", "select")):
            if given.get(name) is not None:
                pieces.append(f"{keyword}={self._value(plan, given[name])}")
        plan.text = f"return {self._support()}.http({', '.join([*pieces, *[one for one in self._common(plan, found) if one != 'pushes=True']])})"

    def _http_sensor(self, plan: Plan, found: Reached) -> None:
        given = plan.task.settings
        if plan.task.mapped is not None:
            self._by_hand(plan, "a mapped sensor of HTTP: write it with @task.sensor and map it")
            return
        plan.decorator, plan.uses_context = "sensor", True
        self._poll(plan)
        base = self._connection(plan, given.get("http_conn_id") or "http_default", given.get("endpoint") or "")
        check = f", check={self._value(plan, given['response_check'])}" if given.get("response_check") is not None else ""
        call = f"{self._support()}.http(context, {base}, {self._value(plan, given.get('endpoint') or '')}, {literal(given.get('method') or 'GET')}, {self._value(plan, given.get('request_params'))}, {self._value(plan, given.get('headers'))}{check})"
        self._import("from weft.exceptions import AirflowException")
        plan.text = f"try:\n    {call}\nexcept AirflowException:\n    return False\nreturn True"

    def _poll(self, plan: Plan) -> None:
        for name in ("poke_interval", "timeout", "soft_fail"):
            value = plan.task.settings.get(name)
            if value:
                plan.options[name] = literal(value.total_seconds() if hasattr(value, "total_seconds") else value)

    def _connection(self, plan: Plan, name: Any, endpoint: str) -> str:
        """The address of a connection, which Airflow keeps in its database."""
        absolute = re.match(r"(https?)://([A-Za-z0-9.-]+)(:\d+)?", endpoint)
        if absolute:
            plan.grants["http"] = [f"{'http://' if absolute[1] == 'http' else ''}{absolute[2]}{absolute[3] or ''}"]
            return "''"
        key = name if isinstance(name, str) else str(name)
        connections = self.module.connections
        host = re.sub(r"[^a-z0-9-]+", "-", key.lower()).strip("-") + ".invalid"
        connections[key] = f"https://{host}"
        plan.grants["http"] = [host]
        self.report.add(*plan.task.where, f"task {plan.task.task_id} uses the connection {key}, whose address only Airflow's database has: write it in CONNECTIONS, and its host in the task's grants instead of {host}")
        return f"CONNECTIONS[{literal(key)}]"

    def _custom(self, plan: Plan, found: Reached) -> None:
        self._own_operator(plan, found, "execute")

    def _custom_sensor(self, plan: Plan, found: Reached) -> None:
        plan.decorator = "sensor"
        self._poll(plan)
        self._own_operator(plan, found, "poke")

    def _custom_branch(self, plan: Plan, found: Reached) -> None:
        plan.decorator = "branch"
        self._own_operator(plan, found, "choose_branch")

    def _own_operator(self, plan: Plan, found: Reached, method: str) -> None:
        """An operator whose class is in the DAG folder: the class is copied, and called as Airflow calls it."""
        task = plan.task
        cls: Any = task.operator_class  # type: ignore[attr-defined]
        live = next((one for file, one in self.scope._live.items() if one.__name__ == cls.__module__), None)
        stand_ins = [one for one in cls.__mro__ if "_stand_in" in one.__dict__]
        if live is None or stand_ins[0].__name__ not in ("BaseOperator", "BaseSensorOperator", "BaseBranchOperator"):
            self._by_hand(plan, f"{cls.__name__} derives from {stand_ins[0].__name__}, which has no counterpart in Weft: write it as a task in Python")
            return
        merged = self._mapped_arguments(plan)
        if merged is None:
            return
        plan.uses_context = True
        given = [f"{key}={self._value(plan, value)}" for key, value in task.arguments.items() if key not in ("dag", "task_group", "default_args") and (key == "task_id" or key not in SETTINGS)]  # type: ignore[attr-defined]
        for entry in merged:
            key, _, text = entry.partition(":")
            given.append(entry if entry.startswith("**") else f"{key.strip(chr(34))}={text.strip()}")
        name = self.scope.reference(self.module, cls, task.where[1])
        pieces = [f"lambda: {name}({', '.join(given)})", "context", *self._common(plan, found)]
        if method != "execute":
            pieces.append(f"method={literal(method)}")
        plan.text = f"return {self._support()}.operator({', '.join(pieces)})"

    # Waits.

    def _time_sensor(self, plan: Plan, _found: Reached) -> None:
        plan.uses_context = True
        self._import("import datetime")
        plan.text = f"{self._support()}.until(context, datetime.datetime.combine(datetime.datetime.now(datetime.timezone.utc).date(), {self._value(plan, plan.task.settings.get('target_time'))}))"

    def _date_time_sensor(self, plan: Plan, _found: Reached) -> None:
        plan.uses_context = True
        target = plan.task.settings.get("target_time")
        self._import("import datetime")
        moment = self._value(plan, target)
        if isinstance(target, str):
            moment = f"datetime.datetime.fromisoformat({self._support()}.render({moment}, {SUPPORT}.values(context)))"
        plan.text = f"{self._support()}.until(context, {moment})"

    def _time_delta_sensor(self, plan: Plan, _found: Reached) -> None:
        plan.uses_context = True
        plan.text = f"{self._support()}.until(context, context.data_interval.end + {self._value(plan, plan.task.settings.get('delta'))})"

    def _wait_sensor(self, plan: Plan, _found: Reached) -> None:
        plan.uses_context = True
        span = plan.task.settings.get("time_to_wait")
        if isinstance(span, (int, float)):
            span = datetime.timedelta(minutes=span)
        plan.text = f"{self._support()}.wait_for(context, {self._value(plan, span)})"

    def _day_of_week_sensor(self, plan: Plan, _found: Reached) -> None:
        plan.decorator, plan.uses_context = "sensor", True
        self._poll(plan)
        given = plan.task.settings
        moment = "context.logical_date" if given.get("use_task_logical_date") or given.get("use_task_execution_day") else "datetime.datetime.now(datetime.timezone.utc)"
        self._import("import datetime")
        plan.text = f"return {self._support()}.is_weekday({moment}, {self._value(plan, weekdays(given.get('week_day')))})"

    def _file_sensor(self, plan: Plan, _found: Reached) -> None:
        self._by_hand(plan, "tasks share no files: let what writes the file send an event, or trigger the DAG")

    def _sql(self, plan: Plan, _found: Reached) -> None:
        self._by_hand(plan, "a task opens no connection to a database: send the statement to a service that has an API over HTTP")

    def _s3(self, plan: Plan, found: Reached) -> None:
        """The operators of S3 that are one request, or some."""
        given, cls = plan.task.settings, getattr(plan.task, "operator_class", None)
        if plan.task.mapped is not None:
            self._by_hand(plan, "a mapped operator of S3: write it with @task and map it")
            return
        support, base = self._support(), self._s3_address(plan)

        def text(name: str) -> str:
            """The argument's expression; templates are filled in."""
            return f"{support}.render({self._value(plan, given.get(name))}, given)"

        calls = {
            "S3CreateObjectOperator": f"{S3}.create({base}, {text('s3_bucket')}, {text('s3_key')}, {text('data')}, {bool(given.get('replace'))})",
            "S3DeleteObjectsOperator": f"{S3}.delete({base}, {text('bucket')}, {text('keys')}, {text('prefix')})",
            "S3ListOperator": f"{S3}.keys_of({base}, {text('bucket')}, {text('prefix')} or '', {text('delimiter')} or '')",
            "S3CopyObjectOperator": f"{S3}.copy({base}, {S3}.place({text('source_bucket_key')}, {text('source_bucket_name')}), {S3}.place({text('dest_bucket_key')}, {text('dest_bucket_name')}))",
            "S3KeySensor": f"{S3}.has({base}, {text('bucket_key')}, {text('bucket_name')}, {bool(given.get('wildcard_match'))})",
        }
        self._import(f"import {S3}")
        plan.uses_context = True
        common = [one for one in self._common(plan, found) if one != "pushes=True"]
        plan.text = f"given = {support}.values({', '.join(['context', *common])})\nreturn {calls[cls.path]}"  # type: ignore[union-attr]

    def _s3_sensor(self, plan: Plan, found: Reached) -> None:
        plan.decorator = "sensor"
        self._poll(plan)
        self._s3(plan, found)

    def _s3_address(self, plan: Plan) -> str:
        key = str(plan.task.settings.get("aws_conn_id") or "aws_default")
        self.module.connections[key] = "https://s3.us-east-1.amazonaws.com"
        plan.grants["http"] = ["s3.us-east-1.amazonaws.com"]
        plan.grants["variables"] = sorted({*plan.grants.get("variables", []), "aws_access_key_id", "aws_secret_access_key"})
        self.report.add(*plan.task.where, f"task {plan.task.task_id} uses the connection {key}: set the variables aws_access_key_id and aws_secret_access_key, and write the region's address in CONNECTIONS and in the task's grants where it is not us-east-1")
        return f"CONNECTIONS[{literal(key)}]"

    def _email(self, plan: Plan, _found: Reached) -> None:
        self._by_hand(plan, "a task opens no connection to a mail server: send it by a service over HTTPS, or notify of the end of the run")

    def _ask(self, plan: Plan, found: Reached) -> None:
        if asked := self._question(plan, found, ["OK"]):
            plan.text = f"return {asked}"

    def _approval(self, plan: Plan, found: Reached) -> None:
        if asked := self._question(plan, found, ["Approve", "Reject"]):
            plan.decorator = "short_circuit"
            fails = bool(plan.task.settings.get("fail_on_reject"))
            plan.text = f"return {self._support()}.approved({asked}, fails={fails})"

    def _ask_branch(self, plan: Plan, found: Reached) -> None:
        if asked := self._question(plan, found, []):
            plan.decorator = "branch"
            mapping = plan.task.settings.get("options_mapping") or {}
            plan.text = f"return {self._support()}.chosen({asked}, {self._value(plan, mapping)})"

    def _question(self, plan: Plan, found: Reached, options: list[str]) -> str:
        """The call that asks people; empty where it is by hand."""
        given = plan.task.settings
        options = given.get("options") or options
        if given.get("multiple") or plan.task.mapped is not None or not isinstance(options, (list, tuple)):
            self._by_hand(plan, "it asks for several options, or is mapped: ask with a form (raise Defer(approval=Approval(..., form=...)))")
            return ""
        if given.get("notifiers"):
            self.report.add(*plan.task.where, f"task {plan.task.task_id} notifies of its question: set a destination with `wfctl notifications add --on approval`")
        users = given.get("assigned_users") or given.get("respondents") or []
        if users:
            self.report.add(*plan.task.where, f"task {plan.task.task_id} asks certain users: name their tokens in `approvers`")
        plan.uses_context = True
        defaults = given.get("defaults")
        default = defaults[0] if isinstance(defaults, (list, tuple)) and defaults else defaults
        timeout = given.get("response_timeout") or given.get("execution_timeout")
        timeout = timeout.total_seconds() if hasattr(timeout, "total_seconds") else timeout
        pieces = ["context", self._value(plan, given.get("subject")), literal(list(options))]
        for name, value in (("body", given.get("body")), ("default", default or None), ("timeout", timeout)):
            if value is not None:
                pieces.append(f"{name}={self._value(plan, value)}")
        names = [str(one.get("name") or one.get("id")) if isinstance(one, dict) else str(one) for one in users if one]
        if names:
            pieces.append(f"approvers={literal(names)}")
        if given.get("params"):
            pieces.append(f"form={self._value(plan, form_of(given['params']))}")
        pieces += [one for one in self._common(plan, found) if one != "pushes=True"]
        return f"{self._support()}.ask({', '.join(pieces)})"

    def _subdag(self, plan: Plan, _found: Reached) -> None:
        self._by_hand(plan, "a DAG is no task of another: it was imported as a DAG of its own; call it (raise Defer(call=Call(...)))")

    def _unknown(self, plan: Plan, _found: Reached) -> None:
        cls: Any = getattr(plan.task, "operator_class", None)
        name = getattr(cls, "path", "") or getattr(cls, "__name__", plan.task.kind)
        self._by_hand(plan, f"{name} has no counterpart in Weft: write what it does as a task in Python, such as by its service's API over HTTP")


def _ids(value: Any) -> Any:
    """Ids of DAGs and tasks, as the importer writes them; templates and outputs are left as they are."""
    if isinstance(value, (list, tuple, set)):
        return [_ids(one) for one in (sorted(value) if isinstance(value, set) else value)]
    return identifier(value) if isinstance(value, str) and "{{" not in value and "{%" not in value else value
