"""pip, which answers for the sandbox's Python where a package asks what it is installed for.

A requirement may have a condition: `numpy>=2.3.3; python_version >= "3.14"`.
pip takes its answers from the Python that runs it, whichever it installs for. So it does with `Requires-Python`.

pip takes the highest version that any source has. A package that only Weft publishes is therefore never looked up
on an index, where anybody could register its name: `WEFT_OWN_PACKAGES` lists these names.

pip notes beside each package from where it was installed, and whether by name. The component has all files of packages,
and is not to name folders of the machine that built it; so these notes are left out, and a lock file changes nothing.

`guest.py` comes before this text. pip's report (`--report`) names no index and quotes the paths of files: `index` and
`file` are added to it.
"""

import os
import sys
from functools import partial

from pip._internal.cli.main import main
from pip._internal.commands.install import InstallCommand
from pip._internal.models.search_scope import SearchScope
from pip._internal.req import req_install
from pip._internal.utils.misc import remove_auth_from_url
from pip._vendor.packaging import markers
from pip._vendor.packaging.utils import canonicalize_name

OWN = set(os.environ["WEFT_OWN_PACKAGES"].split())
index_urls_of = SearchScope.get_index_urls_locations
install_wheel = req_install.install_wheel


def index_urls(scope, project_name):
    return [] if canonicalize_name(project_name) in OWN else index_urls_of(scope, project_name)


def install_without_notes(*args, **options):
    install_wheel(*args, **{**options, "direct_url": None, "requested": False})


def index_of(name, link):
    # An index has a page of each package below it. Passwords stay out of lock files.
    page = getattr(link.comes_from, "url", link.comes_from)
    if link.is_file or not isinstance(page, str) or not page.startswith(("http:", "https:")):
        return None
    index, _, package = remove_auth_from_url(page.rstrip("/")).rpartition("/")
    return f"{index}/" if package == canonicalize_name(name) else None


def reported(requirement):
    entry = report_of(requirement)
    link = requirement.link
    return {**entry, "index": index_of(requirement.name, link), "file": link.file_path if link.is_file else None}


SearchScope.get_index_urls_locations = index_urls
req_install.install_wheel = install_without_notes
if "--report" in sys.argv:
    try:
        from pip._internal.models.installation_report import InstallationReport
    except ImportError:
        sys.exit("pip before 22.2 has no such option: --report")
    report_of = InstallationReport._install_req_to_dict
    InstallationReport._install_req_to_dict = staticmethod(reported)
InstallCommand.make_resolver = partial(InstallCommand.make_resolver, py_version_info=(3, 14, 0))
markers.default_environment = lambda: dict(GUEST)
sys.exit(main())
