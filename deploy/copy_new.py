"""Copy the files of one folder that are missing in another; what is there stays as it is.

    python copy_new.py SOURCE TARGET

A file that a student renames or deletes comes back new at the next start of the server.
"""

import os
import shutil
import sys
from pathlib import Path


def copy_new(source, target):
    """Copy what is missing, each file at one stroke, and hidden files never."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        there = target / path.name
        if path.name.startswith(".") or path.name == "__pycache__":
            continue
        if path.is_dir():
            copy_new(path, there)
        elif not os.path.lexists(there):
            part = target / f".{path.name}.part"
            shutil.copyfile(path, part)
            part.replace(there)


if __name__ == "__main__":
    copy_new(*map(Path, sys.argv[1:]))
