"""Holds results of the packages in the sandbox to those of this machine's CPython, with the same versions of the packages."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from builder import recipe
from builder.toolchain import HERE

#: The packages that the expressions use, and that both sides have in the recipes' versions.
_PACKAGES = ["numpy", "pandas", "pydantic-core"]
#: Expressions of one task: their results stay below what a task may return.
_PART = 40
#: How far numbers may lie apart: the sums of both machines' vectors have another order.
_TOLERANCE = 1e-12


def run(wheels: Path, wfctl: Path, base: Path) -> None:
    """Fails where a result is another one that `KNOWN` in `expressions.py` does not name."""
    versions = [f"{name}=={recipe.read(name).version}" for name in _PACKAGES]
    source = HERE / "expressions/expressions.py"
    expected = _native(source, versions, base)
    found = _sandboxed(source, versions, wheels, wfctl, len(expected["results"]))
    known = expected["known"]
    other = [name for name, value in expected["results"].items() if not _same(value, found.get(name))]
    for name in other:
        if name not in known:
            print(f"{name}\n  native: {_short(expected['results'][name])}\n  sandbox: {_short(found.get(name))}")
    count = len(expected["results"])
    print(f"{count - len(other)} of {count} expressions have the same result in the sandbox ({(count - len(other)) / count:.1%})")
    if unexpected := [name for name in other if name not in known]:
        raise SystemExit(f"{len(unexpected)} expressions have another result in the sandbox")
    if fixed := [name for name in known if name not in other]:
        raise SystemExit(f"these have the same result by now, take them out of KNOWN: {', '.join(fixed)}")


def _native(source: Path, versions: list[str], base: Path) -> dict[str, Any]:
    environment = base / "native"
    stamp = environment / "installed.txt"
    python = environment / "bin/python"
    wanted = "\n".join([*versions, "pydantic", "tzdata"])
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted.split("\n")], check=True)
        stamp.write_text(wanted)
    done = subprocess.run([python, source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)


def _sandboxed(source: Path, versions: list[str], wheels: Path, wfctl: Path, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "dags").mkdir()
        shutil.copy(source, folder / "dags")
        (folder / "dags/compared.py").write_text(_module(count))
        (folder / "requirements.txt").write_text("\n".join([*versions, "pydantic", "tzdata", ""]))
        environment = os.environ | {"WEFT_NATIVE_INDEX": str(wheels.resolve())}
        subprocess.run([wfctl, "build"], cwd=folder, env=environment, check=True)
        done = subprocess.run([wfctl, "run", "--output", "json"], cwd=folder, env=environment, stdout=subprocess.PIPE)
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    found: dict[str, Any] = {}
    for event in events:
        if event["event"] == "run_ended":
            for name, task in event["tasks"].items():
                if task["state"] != "success":
                    raise SystemExit(f"the part {name} of the expressions ended as {task['state']}")
                found |= json.loads(task["output"])
    return found


def _module(count: int) -> str:
    parts = ["import json", "from weft import dag, task", "import expressions"]
    names = []
    for start in range(0, count, _PART):
        names.append(f"from_{start}")
        parts.append(
            f"@task\ndef {names[-1]}() -> str:\n    return json.dumps(expressions.results({start}, {start + _PART}))"
        )
    parts.append("@dag\ndef compared():\n" + "\n".join(f"    {name}()" for name in names))
    return "\n\n\n".join(parts) + "\n"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 300 else f"{text[:300]}…"
