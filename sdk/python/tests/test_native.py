"""What packages with libraries need in the sandbox, as far as it can be tried without one."""

import importlib.machinery
import importlib.util
import random
import sys
import types

import pytest

from weft.guest import absent, archive, randomness


def test_a_library_comes_before_a_module_and_after_a_package(tmp_path):
    source = tmp_path / "x.py"
    source.write_text("")
    files = {"p/m.py": str(source), "p/both/__init__.py": str(source)}
    end = importlib.machinery.EXTENSION_SUFFIXES[0]
    libraries = {f"p/m{end}": f"/1/m{end}", f"p/both{end}": f"/1/both{end}", f"p/deep/only{end}": f"/1/deep/only{end}"}
    found = archive.Archive(archive.pack(files), ["p"], libraries)
    spec = found.find_spec("m")
    assert isinstance(spec.loader, importlib.machinery.ExtensionFileLoader)
    assert spec.origin == f"/1/m{end}"
    assert found.find_spec("both").origin == "p/both/__init__.py"
    # A folder that holds nothing but libraries is a package too.
    assert found.find_spec("deep").submodule_search_locations == ["p/deep"]
    assert found.find_spec("deep.only").origin == f"/1/deep/only{end}"


def test_what_is_missing_can_be_imported_and_says_so_when_it_is_used(monkeypatch):
    missing = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in ("_ctypes", "mmap") else missing(name)
    )
    for name in ("ctypes", "ctypes.util", "ctypes.wintypes", "mmap"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    absent.install()
    import ctypes
    import ctypes.util
    import mmap

    class Point(ctypes.Structure):
        _fields_ = [("x", ctypes.c_int)]

    with pytest.raises(NotImplementedError, match="calls libraries of the machine"):
        Point()
    with pytest.raises(NotImplementedError, match="calls libraries of the machine"):
        ctypes.CDLL("libc.so.6")
    with pytest.raises(NotImplementedError, match="read the file"):
        mmap.mmap(0, 1, access=mmap.ACCESS_READ)
    assert ctypes.util.find_library("c") is None


def test_generators_without_a_seed_are_renewed_and_others_hold():
    state = random.getstate()
    randomness.watch()
    loose, fixed = random.Random(), random.Random(5)
    later = random.Random()
    later.seed("author")
    random.seed(7)
    randomness.settle()
    expected = random.Random(5).random(), random.Random("author").random(), random.Random(7).random()
    before = loose.getstate()
    random.seed()
    randomness.renew()
    assert loose.getstate() != before
    assert (fixed.random(), later.random(), random.random()) == expected
    randomness.forget()
    random.setstate(state)


def test_wheels_name_what_is_imported_with_their_package_or_another(monkeypatch, tmp_path):
    listed = tmp_path / "weft-imports.txt"
    listed.write_text("used.late\nused.there\nbeside_used if used\nunused.late\nbeside_unused if unused\n")
    for name in ("used", "used.there"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    packed = archive.Archive(archive.pack({"p/used-1.dist-info/weft-imports.txt": str(listed)}), ["p"])
    assert list(archive.late_parts(packed)) == ["used.late", "beside_used"]
