"""Which packages of a lock file the sandbox needs, and which of their wheels it loads best, by pip's own rules.

`guest.py` comes before this text. The argument names a file with a question in JSON; the answer is JSON too.
"""

import inspect
import json
import sys

from pip._internal.utils.compatibility_tags import get_supported
from pip._vendor.packaging.markers import InvalidMarker, Marker
from pip._vendor.packaging.specifiers import InvalidSpecifier, SpecifierSet
from pip._vendor.packaging.utils import InvalidWheelFilename, parse_wheel_filename

with open(sys.argv[1], encoding="utf-8") as file:
    QUESTION = json.load(file)
VERSION = GUEST["python_full_version"]
# The best tag is the first one.
RANKS = {
    tag: rank
    for rank, tag in enumerate(
        get_supported(
            version=GUEST["python_version"].replace(".", ""),
            platforms=[QUESTION["platform"]],
            impl="cp",
            abis=[QUESTION["abi"]],
        )
    )
}
# No extra is chosen, and the groups are those that the lock file installs by default.
CHOSEN = {"extras": set(), "dependency_groups": set(QUESTION["default_groups"])}
# An older pip reads no conditions on extras and groups.
READS_GROUPS = "context" in inspect.signature(Marker.evaluate).parameters


def holds(marker):
    if marker is None:
        return True
    if READS_GROUPS:
        return Marker(marker).evaluate({**GUEST, **CHOSEN}, context="lock_file")
    return Marker(marker).evaluate(dict(GUEST))


def allows(requires_python):
    return requires_python is None or SpecifierSet(requires_python).contains(VERSION)


def rank(wheel):
    try:
        tags = parse_wheel_filename(wheel)[-1]
    except InvalidWheelFilename:
        return len(RANKS)
    return min(RANKS.get(tag, len(RANKS)) for tag in tags)


def best(wheels):
    ranks = [rank(wheel) for wheel in wheels]
    lowest = min(ranks, default=len(RANKS))
    return ranks.index(lowest) if lowest < len(RANKS) else None


def answer():
    if not allows(QUESTION["requires_python"]):
        return {"refused": f"it is for Python {QUESTION['requires_python']}, and the sandbox has {VERSION}"}
    environments = QUESTION["environments"]
    if environments and not any(holds(marker) for marker in environments):
        return {"refused": f"none of its environments is that of the sandbox: {'; '.join(environments)}"}
    packages = []
    for package in QUESTION["packages"]:
        is_needed = holds(package["marker"])
        if is_needed and not allows(package["requires_python"]):
            needs = f"{package['name']} needs Python {package['requires_python']}"
            return {"refused": f"{needs}, and the sandbox has {VERSION}"}
        packages.append({"is_needed": is_needed, "wheel": best(package["wheels"])})
    return {"packages": packages}


try:
    found = answer()
except (InvalidMarker, InvalidSpecifier) as error:
    found = {"refused": f"it has a condition that can't be read: {error}"}
print(json.dumps(found))
