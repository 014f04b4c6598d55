"""Run notebooks in JupyterLab and write screenshots of their whole pages.

    python -m tests.browser.screenshots notebooks/02_initialization.ipynb --theme dark

writes test-artifacts/screenshots/02_initialization/dark-01.png and so on, prints what went wrong in
the notebook, and ends with 1 if anything did. A copy is run: the notebook itself is left alone.
"""

import argparse
import shutil
import sys
from contextlib import closing
from pathlib import Path

from .lab import ROOT, JupyterLab, NoBrowser, open_browser
from .notebook import THEMES

SCREENSHOTS = ROOT / "test-artifacts" / "screenshots"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.screenshots", description=__doc__.splitlines()[0]
    )
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--theme", choices=THEMES, help="one theme only (default: both)")
    parser.add_argument("--saved", action="store_true", help="show the page as saved: run nothing")
    parser.add_argument("--out", type=Path, default=SCREENSHOTS, help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        with open_browser() as browser, JupyterLab() as lab:
            return 1 if sum(show(lab, browser, path, options) for path in options.notebooks) else 0
    except NoBrowser as missing:
        parser.error(str(missing))


def show(lab, browser, path, options) -> int:
    """Write one notebook's screenshots; print where they are, and return how much went wrong."""
    shutil.copy(path, lab.folder)
    with closing(lab.open(browser, path.name)) as notebook:
        if not options.saved:
            notebook.run_all()
        for theme in [options.theme] if options.theme else THEMES:
            for picture in notebook.screenshots(options.out / path.stem, theme):
                print(picture)
        errors = notebook.errors()
    for error in errors:
        print(f"{path.name}: {error}", file=sys.stderr)
    return len(errors)


if __name__ == "__main__":
    sys.exit(main())
