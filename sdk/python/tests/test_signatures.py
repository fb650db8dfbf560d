"""What the builder of native packages changes in the sources of C extensions."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "native"))

from builder import signatures  # noqa: E402


@pytest.fixture
def corrected(tmp_path):
    def correct(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.c").write_text(text)
        names = signatures.correct(tmp_path)
        return names, {name: (tmp_path / f"{name}.c").read_text() for name in files}

    return correct


def test_a_method_without_arguments_takes_what_cpython_passes(corrected):
    names, texts = corrected(
        one='static PyObject *size(Thing *self);\nstatic PyObject *size(Thing *self)\n{ return 0; }\n'
        'PyObject *both(Thing *self) { return size(self); }\n'
        'static PyMethodDef methods[] = {{"size", (PyCFunction)size, METH_NOARGS, 0}};\n'
    )
    assert names == ["size"]
    assert texts["one"].count("size(Thing *self, void *Py_UNUSED(not_passed))") == 2
    assert "return size(self, NULL);" in texts["one"]


def test_getters_and_setters_take_their_closure(corrected):
    names, texts = corrected(
        one="static PyObject *get_a(Thing *self) { return 0; }\n"
        "static int set_a(Thing *self, PyObject *value) { return 0; }\n"
        'static PyGetSetDef all[] = {{"a", (getter)get_a, (setter)set_a, 0, 0}};\n'
    )
    assert names == ["get_a", "set_a"]
    assert "set_a(Thing *self, PyObject *value, void *Py_UNUSED(not_passed))" in texts["one"]


def test_what_has_the_right_parameters_stays(corrected):
    text = (
        "static PyObject *size(Thing *self, PyObject *none) { return 0; }\n"
        "static PyObject *fast(Thing *self, PyObject *const *args, Py_ssize_t count) { return 0; }\n"
        'static PyMethodDef methods[] = {{"size", (PyCFunction)size, METH_NOARGS, 0},\n'
        '    {"fast", (PyCFunction)(void (*)(void))fast, METH_FASTCALL, 0}};\n'
    )
    names, texts = corrected(one=text)
    assert names == []
    assert texts["one"] == text


def test_a_function_of_the_same_name_in_another_file_is_another_one(corrected):
    other = "int clear(Thing *self) { return 0; }\nint twice(Thing *self) { return clear(self); }\n"
    names, texts = corrected(
        one='static PyObject *clear(Thing *self) { return 0; }\nPyMethodDef m[] = {{"c", (PyCFunction)clear, METH_NOARGS}};\n',
        other=other,
    )
    assert names == ["clear"]
    assert texts["other"] == other


def test_a_function_that_another_file_defines_is_corrected_there(corrected):
    names, texts = corrected(
        table='PyMethodDef m[] = {{"c", (PyCFunction)clear, METH_NOARGS}};\n',
        functions="PyObject *clear(Thing *self) { return 0; }\n",
    )
    assert names == ["clear"]
    assert "Py_UNUSED" in texts["functions"]
