"""Parquet for pandas in Weft's sandbox, which has no pyarrow.

Imported, it is the engine that `pandas.read_parquet` and `DataFrame.to_parquet` choose. Files are as pyarrow's: the index and the
types of pandas are in the metadata that pyarrow reads and writes.
"""

from weft_parquet.engine import Engine, install

__all__ = ["Engine"]
__version__ = "1.0.0"

install()
