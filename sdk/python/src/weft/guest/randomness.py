"""Random numbers that differ from attempt to attempt, although all begin with one memory.

What was drawn from the system's randomness while the component was built would
be the same in every attempt: the global state of `random` and of `numpy.random`,
and generators that modules made when they were imported. Those are seeded afresh
at the start of an attempt. A seed that the author set holds.
"""

from __future__ import annotations

import functools
import gc
import random
import secrets
import sys
import weakref
from types import ModuleType
from typing import Any, Callable

from weft.guest.archive import after_import

#: Seeds that were drawn while the component was built, for generators of numpy's.
_drawn: set[int] = set()
#: Generators of `random` that the author seeded.
_seeded: weakref.WeakSet[random.Random] = weakref.WeakSet()
#: Generators of `random` that weren't.
_generators: list[random.Random] = []
#: Generators of `numpy.random` that weren't.
_bit_generators: list[Any] = []
#: The state of the global generator of `random`, where the author seeded it.
_global_state: list[Any] = []

#: Whether the author seeded the global generator of `numpy.random`.
_numpy_seeded: list[bool] = []
#: Ends the watch.
_watching: list[Callable[[], None]] = []

_global_generator: random.Random = random._inst  # type: ignore[attr-defined]


def watch() -> None:
    """Notes from now on which generators are seeded, and by whom."""
    seed, bits = random.Random.seed, secrets.randbits

    def noted_seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        seed(self, a, version)
        if a is None:
            _seeded.discard(self)
        else:
            _seeded.add(self)

    def noted_bits(k: int) -> int:
        value = bits(k)
        _drawn.add(value)
        return value

    random.Random.seed = noted_seed  # type: ignore[method-assign]
    random.seed = _global_generator.seed  # type: ignore[assignment]
    secrets.randbits = noted_bits

    def end() -> None:
        random.Random.seed = seed  # type: ignore[method-assign]
        random.seed = _global_generator.seed  # type: ignore[assignment]
        secrets.randbits = bits

    _watching.append(end)
    after_import("numpy.random", _watch_numpy)


def _watch_numpy(numpy_random: ModuleType) -> None:
    """The old global generator of numpy keeps the seeds that it began with, so that a later seed has to be noted."""
    seed = numpy_random.seed

    @functools.wraps(seed)
    def noted(*arguments: Any, **named: Any) -> None:
        seed(*arguments, **named)
        given = arguments[0] if arguments else named.get("seed")
        _numpy_seeded[:] = [] if given is None else [True]

    numpy_random.seed = noted  # type: ignore[attr-defined]


def settle() -> None:
    """Finds, at the end of the build, what is to be seeded in each attempt."""
    while _watching:
        _watching.pop()()
    numpy = sys.modules.get("numpy.random")
    kinds = () if numpy is None else (numpy.BitGenerator,)
    for thing in gc.get_objects():
        if isinstance(thing, random.Random) and not isinstance(thing, random.SystemRandom):
            if thing is _global_generator:
                _global_state.extend([thing.getstate()] if thing in _seeded else [])
            elif thing not in _seeded:
                _generators.append(thing)
        elif kinds and isinstance(thing, kinds):
            _add(thing)
    if numpy is not None and not _numpy_seeded:
        _add(numpy.mtrand._rand._bit_generator)
    elif numpy is not None:
        _bit_generators[:] = [each for each in _bit_generators if each is not numpy.mtrand._rand._bit_generator]
    _drawn.clear()


def _add(generator: Any) -> None:
    if _is_drawn(generator) and not any(generator is known for known in _bit_generators):
        _bit_generators.append(generator)


def _is_drawn(generator: Any) -> bool:
    entropy = getattr(generator.seed_seq, "entropy", None)
    return isinstance(entropy, int) and entropy in _drawn


def renew() -> None:
    """At the start of an attempt."""
    if _global_state:
        random.setstate(_global_state[0])
    else:
        random.seed()
    for generator in _generators:
        generator.seed()
    for generator in _bit_generators:
        generator.state = type(generator)().state


def forget() -> None:
    """For tests: as if nothing had been watched."""
    for known in (_generators, _bit_generators, _global_state, _numpy_seeded):
        known.clear()
