"""What travels between tasks: an annotation as a shape.

A shape says what JSON a value of the annotation is (`schema`), and turns one
into the other (`encode`, `decode`). A value that does not fit is a `Misfit`
that names the place inside the value.
"""

from weft.shape.base import Anything, Mode, Misfit, Shape, Unsupported
from weft.shape.read import shape_of
from weft.shape.schema import document_schema, lacks_part

__all__ = ["Anything", "Misfit", "Mode", "Shape", "Unsupported", "document_schema", "lacks_part", "shape_of"]
