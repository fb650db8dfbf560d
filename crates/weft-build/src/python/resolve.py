"""pip, which answers for the sandbox's Python where a package asks what it is installed for.

A requirement may have a condition: `numpy>=2.3.3; python_version >= "3.14"`.
pip takes its answers from the Python that runs it, whichever it installs for.
"""

import sys

from pip._internal.cli.main import main
from pip._vendor.packaging import markers

GUEST = {
    "implementation_name": "cpython",
    "implementation_version": "3.14.0",
    "os_name": "posix",
    "platform_machine": "wasm32",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "wasi",
    "platform_version": "",
    "python_full_version": "3.14.0",
    "python_version": "3.14",
    "sys_platform": "wasi",
}

markers.default_environment = lambda: dict(GUEST)
sys.exit(main())
