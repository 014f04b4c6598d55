import pytest

from .lab import JupyterLab, NoBrowser, open_browser


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: needs Chromium, Chrome or Edge")


# Package scope: Playwright's event loop must be gone before other tests drive kernels.
@pytest.fixture(scope="package")
def browser():
    try:
        with open_browser() as window:
            yield window
    except NoBrowser as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="package")
def lab(browser):
    with JupyterLab() as lab:
        yield lab


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.getreports("skipped")
    untested = {report.longrepr[2] for report in skipped if "tests/browser" in report.nodeid}
    if untested:
        terminalreporter.section(
            "LIVE EXPLORATIONS, PREDICTIONS AND EXERCISES WERE NOT TESTED", red=True, bold=True
        )
        terminalreporter.line("; ".join(sorted(untested)).removeprefix("Skipped: "))
