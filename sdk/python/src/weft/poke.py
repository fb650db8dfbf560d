"""A return value of a sensor besides a verdict: Airflow's `PokeReturnValue`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class PokeReturnValue:
    """Whether it is there, and what the sensor's output is then."""

    is_done: bool
    xcom_value: Any = None

    def __bool__(self) -> bool:
        return self.is_done
