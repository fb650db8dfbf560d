"""`python -m builder`: builds the packages that are named, or all."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from builder import fetch, index, kinds, recipe, smoke, toolchain, wheel


def main() -> None:
    arguments = argparse.ArgumentParser(prog="builder")
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--base", type=Path, required=True, help="the folder of everything that is made or fetched")
    arguments.add_argument("--out", type=Path, required=True, help="the folder of the wheels")
    arguments.add_argument("--wfctl", type=Path, help="runs each package's smoke test in the sandbox")
    arguments.add_argument("--resume", action="store_true", help="go on in the sources that a build left, as they are")
    given = arguments.parse_args()
    base = given.base.resolve()
    base.mkdir(parents=True, exist_ok=True)
    tools = toolchain.make(base)
    names = given.names or recipe.names()
    for name in names:
        began = time.monotonic()
        made = build(recipe.read(name), tools, base, given.out, given.resume)
        print(f"{made.name}: {made.stat().st_size >> 10} KiB in {time.monotonic() - began:.0f} s", flush=True)
    index.write(given.out, tools.pins["platform"])
    if given.wfctl:
        smoke.run([recipe.read(name) for name in names], given.out, given.wfctl.resolve())


def build(wanted: recipe.Recipe, tools: toolchain.Toolchain, base: Path, out: Path, resume: bool) -> Path:
    archive = fetch.source(wanted.name, wanted.version, wanted.sha256, base / "sources")
    source = base / "build" / wanted.name
    if not (resume and source.is_dir()):
        fetch.unpack(archive, source)
        wheel.patch(source, recipe.patch_files(wanted), tools)
    made = kinds.build(wanted, tools, source, base)
    return wheel.pack(wanted, tools, source, made, out)


if __name__ == "__main__":
    main()
