"""Runs test files of packages in the sandbox, each in an instance of its own.

The tests come along as an archive and are unpacked into the attempt's scratch
folder, since pytest reads them from files. Their folders are then parts of the
packages, which are in the component.
"""

import importlib
import io
import sys
import zipfile
from pathlib import Path
from types import ModuleType

# pytest and doctest import the debugger, which needs a terminal's modules.
sys.modules["pdb"] = ModuleType("pdb")
sys.modules["pdb"].Pdb = object
sys.modules["pdb"].set_trace = None

import hypothesis.extra.numpy
import numpy.testing
import pandas._testing
import pytest
from _pytest import config as pytest_config

from weft import dag, task
from weft.guest.archive import Archive

#: Imported late by pytest.
for _name in pytest_config.default_plugins:
    importlib.import_module(f"_pytest.{_name}")

ROOT = Path("/tmp/own")
TESTS = io.BytesIO(Path(__file__).with_name("tests.zip").read_bytes())
#: An error's text is cut off here.
LETTERS = 300


class Recorder:
    """What became of each test."""

    def __init__(self, out):
        self.out = out
        self.counts = dict.fromkeys(("passed", "xfailed", "xpassed", "deselected"), 0)
        self.skipped: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.seen: set[str] = set()

    def pytest_runtest_logstart(self, nodeid):
        # The last line is the test at which an attempt died.
        print("AT", nodeid, file=self.out)

    def pytest_deselected(self, items):
        self.counts["deselected"] += len(items)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.setdefault(report.nodeid, _error(report))
        elif hasattr(report, "wasxfail"):
            self.counts["xfailed" if report.skipped else "xpassed"] += 1
        elif report.skipped:
            self._skip(report)
        elif report.when == "call":
            self.seen.add(report.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed[report.nodeid] = _error(report)
        elif report.skipped:
            self._skip(report)

    def _skip(self, report):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)[:LETTERS]
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def result(self, file):
        # One that passed and failed at its end has failed.
        self.counts["passed"] = len(self.seen - self.failed.keys())
        return {"file": file, "counts": self.counts, "skipped": self.skipped, "failed": self.failed}


def _error(report) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = f"{crash.message} ({Path(crash.path).name}:{crash.lineno})" if crash else str(report.longrepr)
    # The end of a long text names the error, the beginning of a short one does.
    return text if len(text) <= LETTERS else f"{text[:LETTERS // 2]} ... {text[-LETTERS // 2:]}"


def unpack(file: str) -> None:
    """Unpacks a test file, with what pytest and the test read from files."""
    folder = file.split("tests/")[0]
    # Data is in the folder that the tests are in, or in the one of their kind: `pandas/tests/io`.
    kind = "/".join(file.split("/")[:-1][: folder.count("/") + 2]) + "/"
    TESTS.seek(0)
    archive = zipfile.ZipFile(TESTS)
    for name in archive.namelist():
        above, _, last = name.rpartition("/")
        wanted = name.startswith(kind) and not name.endswith(".py")
        if last in ("__init__.py", "conftest.py"):
            wanted = file.startswith(f"{above}/")
        if wanted or name == file or name.startswith("ini/"):
            archive.extract(name, ROOT)
    # The package's folders are those of the component, and these besides.
    for end, letter in enumerate(folder):
        if letter == "/":
            importlib.import_module(folder[:end].replace("/", ".")).__path__.append(str(ROOT / folder[:end]))
    # pytest expects a first entry. Other modules of tests come out of the archive.
    sys.path[:] = [str(ROOT)]
    sys.meta_path.append(Archive(TESTS.getvalue(), [""]))


@task(timeout="5h", limits={"memory": "3GiB", "cpu": "5h", "output": "16MiB", "log": "256MiB"})
def results(file: dict) -> dict:
    name = file["file"]
    # Programs have their own name there.
    sys.argv[:] = ["pytest"]
    unpack(name)
    recorder = Recorder(sys.stdout)
    arguments = ["-q", "--tb=native", "--capture=sys", "--basetemp=/tmp/base", f"--rootdir={ROOT}"]
    # Not to /dev/null, of which there is none.
    arguments += ["--log-file=/tmp/pytest.log"]
    arguments += ["-c", str(ROOT / "ini" / (name.split("/")[0] + ".ini"))]
    # There are no signals, and no folder outlives an attempt.
    arguments += ["-p", "no:faulthandler", "-p", "no:cacheprovider", "-p", "no:terminalreporter"]
    arguments += ["-m", file["markers"], *file["arguments"], *(f"--deselect={test}" for test in file["deselect"])]
    code = pytest.main([*arguments, str(ROOT / name)], plugins=[recorder])
    return recorder.result(name) | {"exit": int(code)}


@dag
def own(files: list[dict]):
    results.expand(file=files)
