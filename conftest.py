"""How work is spread over processes, and a repair of nbval: for tests/ and notebooks/ alike."""

import re

from nbval.kernel import RunningKernel
from xdist.scheduler import LoadFileScheduling

BROWSER = "tests/browser/"
VISITS = "tests/browser/test_notebooks_in_browser.py"
OF_THE_EDITION = ("tests/test_grade.py", "tests/test_handout.py")
LONG = (
    "test_checker", "test_grade", "test_handout", "test_lessons", "test_pictures", "test_rounding",
    "test_sweep", "test_the_clinic",
)  # fmt: skip


class Scheduling(LoadFileScheduling):
    """A file stays in one process, and so do each notebook that a browser visits, and the files that
    share a student edition."""

    def _split_scope(self, nodeid):
        visited = re.match(rf"{VISITS}::\w+\[(\w+)", nodeid)
        if visited:
            return visited[1]
        return "edition" if nodeid.startswith(OF_THE_EDITION) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # keep the order in which the tests were collected
    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest: notebooks in the browser, notebooks alone, long files."""

    def behind(item):
        return BROWSER not in item.nodeid, item.path.suffix != ".ipynb", item.path.stem not in LONG

    items.sort(key=behind)


def execute_cell_input(self, cell_input, allow_stdin=None):
    """Run a cell as a notebook does: with the history on, without which `x;` shows x."""
    return self.kc.execute(
        cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


RunningKernel.execute_cell_input = execute_cell_input
