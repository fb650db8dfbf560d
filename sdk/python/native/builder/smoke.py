"""Runs the smoke tests of packages in the sandbox: one component with a task for each package."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import textwrap
from pathlib import Path

from builder.recipe import Recipe


def run(recipes: list[Recipe], wheels: Path, wfctl: Path) -> None:
    """Fails where one of the tests does."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "dags").mkdir()
        (folder / "dags/smoke.py").write_text(_module(recipes))
        requirements = [f"{recipe.name}=={recipe.version}\n" for recipe in recipes]
        (folder / "requirements.txt").write_text("".join(requirements))
        environment = os.environ | {"WEFT_NATIVE_INDEX": str(wheels.resolve())}
        subprocess.run([wfctl, "build"], cwd=folder, env=environment, check=True)
        done = subprocess.run([wfctl, "run", "--output", "json"], cwd=folder, env=environment, stdout=subprocess.PIPE)
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    ended = next((event for event in events if event["event"] == "run_ended"), None)
    tasks = {} if ended is None else ended["tasks"]
    failed = [recipe.name for recipe in recipes if tasks.get(_task(recipe), {}).get("state") != "success"]
    for event in events:
        if event["event"] == "log" and event["task"] in [f"smoke_{name.replace('-', '_')}" for name in failed]:
            print(event["message"])
    if failed:
        raise SystemExit(f"these packages do not work in the sandbox: {', '.join(failed)}")
    print(f"{len(recipes)} packages work in the sandbox", flush=True)


def _task(recipe: Recipe) -> str:
    return f"smoke_{recipe.name.replace('-', '_')}"


def _module(recipes: list[Recipe]) -> str:
    parts = ["from weft import dag, task"]
    for recipe in recipes:
        parts.append(f"@task\ndef {_task(recipe)}():\n{textwrap.indent(recipe.smoke.strip(), '    ')}")
    calls = "\n".join(f"    {_task(recipe)}()" for recipe in recipes)
    parts.append(f"@dag\ndef smoke():\n{calls}")
    return "\n\n\n".join(parts) + "\n"
