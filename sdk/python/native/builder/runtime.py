"""`python -m builder.runtime`: packs what components in Python begin with, and the libraries that packages may need besides.

`wfctl build` makes the component where it is missing; this takes it out of its cache.
"""

from __future__ import annotations

import argparse
import shutil
import tomllib
from pathlib import Path

from builder.toolchain import HERE, guest

#: Libraries of the system that Python itself does without.
_LIBRARIES = ["libwasi-emulated-mman.so", "libc++.so", "libc++abi.so"]
#: Of zstandard: it is packed once.
_LEVEL = 19


def main() -> None:
    import zstandard

    arguments = argparse.ArgumentParser(prog="builder.runtime")
    arguments.add_argument("--component", type=Path, required=True, help="the component, whose file name is its key")
    arguments.add_argument("--out", type=Path, required=True, help="the folder, which is emptied first")
    given = arguments.parse_args()
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    libraries = guest(tomllib.loads((HERE / "toolchain.toml").read_text()), None)
    files = {name: libraries[name] for name in _LIBRARIES}
    files[given.component.name] = given.component.read_bytes()
    for name, contents in files.items():
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(contents)
        (given.out / f"{name}.zst").write_bytes(packed)
        print(f"{name}: {len(packed) >> 10} KiB", flush=True)


if __name__ == "__main__":
    main()
