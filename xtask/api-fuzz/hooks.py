"""Lets schemathesis ask about things that are there.

Names in paths are drawn at random, so nearly every question would be answered
with 'there is no such run'. Most of them are put in the place of the drawn ones
here; which, follows from what was drawn, so that a seed asks the same each time.
"""

import json
import os
import zlib

import schemathesis
from hypothesis import strategies

# By the parameter's name: a list of values that lead somewhere.
KNOWN = json.loads(os.environ["WEFT_FUZZ_KNOWN"])
# Of these the drawn ones stay: what the others ask about would be gone.
DESTROYS = {"delete_dag"}
# One in so many names stays as it was drawn.
DRAWN = 4

with open(os.environ["WEFT_FUZZ_FILE"], "rb") as file:
    GOOD = file.read()


@strategies.composite
def broken(draw):
    """The good file with some bytes changed, and perhaps cut short."""
    data = bytearray(GOOD)
    places = strategies.tuples(
        strategies.integers(0, len(data) - 1), strategies.integers(0, 255)
    )
    for place, byte in draw(strategies.lists(places, max_size=4)):
        data[place] = byte
    return bytes(data[: draw(strategies.integers(0, len(data)))])


schemathesis.openapi.media_type(
    "application/wasm",
    strategies.one_of(
        strategies.just(GOOD), broken(), strategies.binary(max_size=4096)
    ),
)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    operation = context.operation.definition.raw.get("operationId")
    if not path_parameters or operation in DESTROYS:
        return path_parameters
    for name, drawn in path_parameters.items():
        number = zlib.crc32(repr(drawn).encode())
        known = KNOWN.get(name)
        if known and number % DRAWN:
            path_parameters[name] = known[number // DRAWN % len(known)]
    return path_parameters
