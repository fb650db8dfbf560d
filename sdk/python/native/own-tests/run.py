"""Runs packages' own tests in the sandbox, and records what became of them.

    python run.py numpy pandas --wfctl PATH --base FOLDER [--only PATTERN] [--jobs 2]

`base` is the builder's folder: the packages' sources are in it, and numpy's
libraries that only tests use, where numpy was built there. Outcomes of files
are kept in the folder of the work, so that a run goes on where one ended;
without `--again`, only what is missing runs.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WHEELS = HERE.parent / "wheels"
#: How often a file runs again without the test at which it died.
ROUNDS = 12
#: Files of one run: outcomes are kept after each.
BATCH = 60
#: Of tests that no rule of `reasons.toml` fits.
UNEXPLAINED = "unexplained"


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("names", nargs="+")
    arguments.add_argument("--wfctl", type=Path, required=True)
    arguments.add_argument("--base", type=Path, required=True)
    arguments.add_argument("--work", type=Path, default=Path("/tmp/weft-own-tests"))
    arguments.add_argument("--only", default="*", help="a pattern of test files")
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--again", action="store_true", help="also what has an outcome")
    arguments.add_argument("--no-build", action="store_true", help="take the component that is there")
    arguments.add_argument("--report", action="store_true", help="only write the results")
    given = arguments.parse_args()
    packages = {name: package(name) for name in given.names}
    if not given.report:
        project = lay_out(given, given.no_build)
        wfctl = given.wfctl.resolve()
        if not given.no_build:
            subprocess.run([wfctl, "build"], cwd=project, check=True)
        for name, one in packages.items():
            run(name, one, wfctl, project, given)
    write(packages, given.work, given.base)


def package(name: str) -> dict[str, Any]:
    """What `packages.toml` says, with the version that the wheel has."""
    one = tomllib.loads((HERE / "packages.toml").read_text())[name]
    listed = json.loads((WHEELS / "index.json").read_text())["packages"]
    one["version"] = next(entry["version"] for entry in listed if entry["name"] == name)
    return one


def sources(name: str, base: Path) -> Path:
    with (HERE.parent / "recipes" / f"{name}.toml").open("rb") as file:
        version = tomllib.load(file)["version"]
    archive = base / "sources" / f"{name}-{version}.tar.gz"
    into = base / "own-tests"
    if not (into / f"{name}-{version}").is_dir():
        with tarfile.open(archive) as opened:
            opened.extractall(into, filter="data")
    return into / f"{name}-{version}"


def lay_out(given: argparse.Namespace, as_it_is: bool) -> Path:
    """The project that is built: the template, the tests, and numpy's libraries for its own."""
    project = given.work / "project"
    if as_it_is and project.is_dir():
        return project
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(HERE / "project", project)
    with zipfile.ZipFile(project / "dags/tests.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in tomllib.loads((HERE / "packages.toml").read_text()):
            pack(name, sources(name, given.base), archive)
    if "numpy" in given.names:
        wheel = libraries(given.base, project)
        with (project / "requirements.txt").open("a") as file:
            file.write(f"./{wheel.name}\n")
    return project


def pack(name: str, source: Path, archive: zipfile.ZipFile) -> None:
    """Folders of tests, settings of pytest, and the way to them as empty packages."""
    above = set()
    for path in sorted((source / name).rglob("*")):
        inside = path.relative_to(source)
        if "tests" in inside.parts[:-1] and path.is_file():
            archive.write(path, inside)
            above |= set(inside.parents)
    for folder in above:
        if folder.parts and "tests" not in folder.parts:
            archive.writestr(zipfile.ZipInfo(f"{folder}/__init__.py"), "")
    archive.write(source / name / "conftest.py", f"{name}/conftest.py")
    # pandas has its settings in `pyproject.toml`.
    ini = source / "pytest.ini"
    text = ini.read_text() if ini.exists() else from_pyproject(source / "pyproject.toml")
    # Whose options are for a run on a terminal.
    archive.writestr(zipfile.ZipInfo(f"ini/{name}.ini"), re.sub(r"(?m)^addopts.*$", "", text))


def from_pyproject(path: Path) -> str:
    options = tomllib.loads(path.read_text())["tool"]["pytest"]["ini_options"]
    lines = ["[pytest]"]
    for key, value in options.items():
        value = "".join(f"\n    {line}" for line in value) if isinstance(value, list) else value
        lines.append(f"{key} = {str(value).lower() if isinstance(value, bool) else value}")
    return "\n".join(lines) + "\n"


def libraries(base: Path, project: Path) -> Path:
    """A wheel of numpy's libraries that its own wheel leaves out, since only tests use them."""
    version = package("numpy")["version"]
    tag = f"cp314-cp314-{json.loads((WHEELS / 'index.json').read_text())['platform']}"
    built = base / "build/numpy/build"
    found = [path for path in built.rglob("*.so") if re.search(r"tests?\.", path.name)]
    if not found:
        raise SystemExit("build numpy first: its tests need libraries that are left in the builder's folder")
    info = f"numpy_own_tests-{version}.dist-info"
    files = {path.relative_to(built).as_posix(): path.read_bytes() for path in found}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: numpy-own-tests\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]).encode()
    wheel = project / f"numpy_own_tests-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return wheel


def files_of(name: str, one: dict[str, Any], base: Path, only: str = "*") -> list[str]:
    """Files of tests, in the order of the folders that are named, where not all are taken."""
    source = sources(name, base)
    paths = [path.relative_to(source) for path in (source / name).rglob("test_*.py")]
    tests = [path.as_posix() for path in paths if "tests" in path.parts[:-1]]
    left_out = one.get("left_out", {})
    chosen = [path for path in tests if not any(fnmatch.fnmatch(path, pattern) for pattern in left_out)]
    folders = one.get("folders", [name])
    found = [(index, path) for path in chosen for index, folder in enumerate(folders) if path.startswith(f"{folder}/")]
    return [path for _, path in sorted(found) if fnmatch.fnmatch(path, only)]


def folder_of(path: str, one: dict[str, Any]) -> str:
    """What its outcome is summed up under."""
    named = (folder for folder in one.get("folders", []) if path.startswith(f"{folder}/"))
    return next(named, f"{path.rpartition('/tests/')[0]}/tests")


def run(name: str, one: dict[str, Any], wfctl: Path, project: Path, given: argparse.Namespace) -> None:
    """Runs files in batches; one that died runs again without the test at which it did."""
    kept = given.work / f"{name}.json"
    outcomes: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    left = [path for path in files_of(name, one, given.base, given.only) if given.again or path not in outcomes]
    for path in left:
        outcomes.pop(path, None)
    died: dict[str, dict[str, str]] = {}
    rounds: dict[str, int] = {}
    while left:
        batch, left = left[:BATCH], left[BATCH:]
        began = time.monotonic()
        known = one.get("die", {})
        asked = [
            {
                "file": path,
                "markers": one["markers"],
                "arguments": one.get("arguments", []),
                "deselect": [test for test in [*known, *died.get(path, {})] if test.startswith(path)],
            }
            for path in batch
        ]
        for path, (result, error, last) in attempt(wfctl, project, asked, given.jobs).items():
            if result is None and not error:
                # The run was interrupted: what it has is kept.
                left.clear()
                continue
            if result is None:
                rounds[path] = rounds.get(path, 0) + 1
                if last and last not in died.get(path, {}) and rounds[path] < ROUNDS:
                    died.setdefault(path, {})[last] = error
                    left.append(path)
                    print(f"died: {last}: {error}", flush=True)
                    continue
                result = {"file": path, "counts": {}, "skipped": {}, "failed": {path: f"the file dies: {error}"}}
            if result.get("exit", 1) not in (0, 1, 5) and not result["failed"]:
                result["failed"][path] = f"pytest ended with {result['exit']}"
            for test in [test for test in known if test.startswith(path)]:
                result["failed"][test] = known[test]
            for test, words in died.get(path, {}).items():
                result["failed"][test] = f"the attempt died: {words}"
            outcomes[path] = result
        kept.write_text(json.dumps(outcomes, indent=1))
        passed = sum(one["counts"].get("passed", 0) for one in outcomes.values())
        failed = sum(len(one["failed"]) for one in outcomes.values())
        print(
            f"{time.strftime('%H:%M:%S')} {name}: {len(outcomes)} files, {passed} passed, {failed} failed, "
            f"{len(left)} files left; {time.monotonic() - began:.0f} s",
            flush=True,
        )


def attempt(wfctl: Path, project: Path, files: list[dict[str, Any]], jobs: int) -> dict[str, Any]:
    """By file: its result or none, the error, and the test that ran last."""
    given = project / f"files-{files[0]['file'].split('/')[0]}.json"
    given.write_text(json.dumps(files))
    command = [wfctl, "run", "--output", "json", "--jobs", str(jobs), "--param", f"files=@{given.name}"]
    last: dict[int, str] = {}
    ended: dict[str, Any] = {}
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        for line in running.stdout:
            event = json.loads(line)
            if event["event"] == "log" and event["message"].startswith("AT "):
                last[event["map_index"]] = event["message"][3:].strip()
            elif event["event"] == "run_ended":
                ended = event["tasks"]
    if not ended:
        raise SystemExit(f"the run did not end: {running.returncode}")
    found = {}
    for index, instance in enumerate(ended["results"]["instances"]):
        error = instance.get("error") or {}
        words = f"{error['code']}: {error['message'].partition(chr(10))[0]}"[:200] if error else ""
        found[files[index]["file"]] = (instance.get("output"), words, last.get(index))
    return found


def write(packages: dict[str, dict[str, Any]], work: Path, base: Path) -> None:
    """Sums up the outcomes, with a reason for each test that failed."""
    rules = tomllib.loads((HERE / "reasons.toml").read_text())["reason"]
    path = HERE / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for name, one in packages.items():
        outcomes = json.loads((work / f"{name}.json").read_text())
        counts: Counter[str] = Counter()
        skipped: Counter[str] = Counter()
        reasons: dict[str, dict[str, Any]] = {}
        folders: dict[str, Counter[str]] = {}
        for file in files_of(name, one, base):
            folders.setdefault(folder_of(file, one), Counter(files=0, passed=0))["not_run" if file not in outcomes else "files"] += 1
        for outcome in outcomes.values():
            counts.update(outcome["counts"])
            folder = folders[folder_of(outcome["file"], one)]
            folder["passed"] += outcome["counts"].get("passed", 0)
            skipped.update(outcome["skipped"])
            for test, error in outcome["failed"].items():
                rule = reason(rules, test, error)
                entry = reasons.setdefault(rule["name"], {"absent": rule.get("absent", False), "count": 0, "tests": Counter()})
                entry["count"] += 1
                folder["absent" if entry["absent"] else "failed"] += 1
                # Without its parameters.
                entry["tests"][test.split("[")[0]] += 1
                if rule["name"] == UNEXPLAINED:
                    print(f"{test}\n    {error}")
        absent = sum(entry["count"] for entry in reasons.values() if entry["absent"])
        failed = sum(entry["count"] for entry in reasons.values()) - absent
        passed = counts["passed"]
        results[name] = {
            "version": one["version"],
            "files": len(outcomes),
            "not_run": sum(folder["not_run"] for folder in folders.values()),
            "passed": passed,
            "failed": failed,
            "absent": absent,
            "xfailed": counts["xfailed"],
            "xpassed": counts["xpassed"],
            "skipped": skipped.total(),
            "deselected": counts["deselected"],
            "folders": folders,
            "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1]["count"])),
            "skips": dict(skipped.most_common(40)),
        }
        share = 100 * passed / max(passed + failed, 1)
        print(f"{name}: {passed} passed, {failed} failed, {share:.2f} %; {absent} need what is absent, {skipped.total()} skipped")
        for words, entry in results[name]["reasons"].items():
            print(f"  {entry['count']:6} {words}")
    path.write_text(json.dumps(dict(sorted(results.items())), indent=1, ensure_ascii=False) + "\n")


def reason(rules: list[dict[str, Any]], test: str, error: str) -> dict[str, Any]:
    """The first that fits."""
    for rule in rules:
        if re.search(rule.get("test", ""), test) and re.search(rule.get("error", ""), error, re.DOTALL):
            return rule
    return {"name": UNEXPLAINED}


if __name__ == "__main__":
    sys.exit(main())
