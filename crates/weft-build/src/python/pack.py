"""Packs the files of packages, but their libraries, as `weft.guest.archive` reads them: FOLDER, the FILE to write, and a PREFIX of names."""

import os
import sys
import zipfile

folder, file, prefix = sys.argv[1:]
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            if not name.endswith((".so", ".pyd", ".dylib")):
                path = os.path.join(place, name)
                at = prefix + os.path.relpath(path, folder).replace(os.sep, "/")
                with open(path, "rb") as contents:
                    archive.writestr(zipfile.ZipInfo(at, (1980, 1, 1, 0, 0, 0)), contents.read(), zipfile.ZIP_DEFLATED)
