"""Each test starts with no DAG known."""

import pytest

from weft.dags import forget


@pytest.fixture(autouse=True)
def _no_dags():
    forget()
    yield
    forget()
