"""Run notebooks in JupyterLab and write screenshots of their whole pages.

    python -m tests.browser.screenshots notebooks/02_initialization.ipynb --theme dark

writes test-artifacts/screenshots/02_initialization/dark-01.png and so on, prints what went wrong in
the notebook, and ends with 1 if anything did. A copy is run: the notebook itself is left alone.
"""

import argparse
import shutil
import sys
from pathlib import Path

from .lab import ROOT, JupyterLab, open_browser
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
    faults = 0
    with open_browser() as browser, JupyterLab() as lab:
        for path in options.notebooks:
            shutil.copy(path, lab.folder)
            notebook = lab.open(browser, path.name)
            if not options.saved:
                notebook.run_all()
            for theme in [options.theme] if options.theme else THEMES:
                for picture in notebook.screenshots(options.out / path.stem, theme):
                    print(picture)
            for error in notebook.errors():
                print(f"{path.name}: {error}", file=sys.stderr)
                faults += 1
            notebook.close()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
