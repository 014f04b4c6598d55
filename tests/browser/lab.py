"""A real JupyterLab, and a real browser to look at it."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from .notebook import Notebook

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"

BROWSER_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
BROWSER_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
    r"%LocalAppData%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
)
WINDOW = {"width": 1240, "height": 900}  # leaves a notebook about 1170 x 800 pixels

# Nothing may rewrite a notebook, ask a question or call home; every cell stays in the page.
SETTINGS = {
    "apputils-extension/notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
# What follows every change of a notebook beside it, where no test looks.
LEFT_OUT = ("debugger-extension", "lsp-extension", "toc-extension")


class NoBrowser(Exception):
    """There is no Chromium on this machine; the message says how to get one."""


def find_browser(playwright) -> str:
    """Return the path of an installed Chromium, Chrome or Edge, or raise NoBrowser."""
    candidates = [shutil.which(name) for name in BROWSER_NAMES]
    candidates += [playwright.chromium.executable_path]
    candidates += [os.path.expandvars(path) for path in BROWSER_PATHS]
    for path in candidates:
        if path and Path(path).exists():
            return path
    raise NoBrowser(
        "no Chromium, Chrome or Edge was found. Install one of them, or run\n"
        f"{sys.executable} -m playwright install chromium"
    )


@contextmanager
def open_browser():
    """Yield a headless browser's window (a Playwright BrowserContext), or raise NoBrowser."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise NoBrowser("the Python package playwright is not installed") from None

    with sync_playwright() as playwright:
        options = {
            "executable_path": find_browser(playwright),
            "args": [
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-dev-shm-usage",
                "--force-color-profile=srgb",
            ],
        }
        try:
            browser = playwright.chromium.launch(**options, chromium_sandbox=True)
        except Error:  # root and most containers cannot have the sandbox
            browser = playwright.chromium.launch(**options, chromium_sandbox=False)
        with browser:
            yield browser.new_context(viewport=WINDOW)


class JupyterLab:
    """A JupyterLab server on a copy of the course's notebooks, for a `with` block.

    The copy stands in `folder`; more notebooks can be put there. All that Jupyter writes goes to
    a temporary place and is removed at the end, also when the process is sent SIGTERM.
    """

    def __enter__(self):
        self._temporary = tempfile.TemporaryDirectory(
            prefix="course-lab-", ignore_cleanup_errors=True
        )
        self._numbers = itertools.count()
        home = Path(self._temporary.name)
        self.folder = home / "notebooks"
        shutil.copytree(NOTEBOOKS, self.folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for name, values in SETTINGS.items():
            path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        page = home / "config" / "labconfig" / "page_config.json"
        page.parent.mkdir(parents=True)
        left_out = {f"@jupyterlab/{name}": True for name in LEFT_OUT}
        page.write_text(json.dumps({"disabledExtensions": left_out}), encoding="utf-8")
        self._start(home)
        return self

    def __exit__(self, *exception):
        self._stop()
        if self._previous_handler is not None:
            signal.signal(signal.SIGTERM, self._previous_handler)
        self._temporary.cleanup()

    def _start(self, home):
        private = {
            "IPYTHONDIR": "ipython",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        environment = os.environ | {name: str(home / part) for name, part in private.items()}
        python_path = [str(ROOT), os.environ.get("PYTHONPATH")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, python_path))
        environment["JUPYTER_PREFER_ENV_PATH"] = "1"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        command += [
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            f"--ServerApp.root_dir={self.folder}",
            "--ServerApp.terminals_enabled=False",
            f"--LabApp.app_settings_dir={ROOT / 'course_utils/lab/jupyterlab'}",  # as in run.py
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.news_url=None",
        ]
        log = home / "server.log"
        with open(log, "wb") as stream:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self._previous_handler = None
        if threading.current_thread() is threading.main_thread():
            self._previous_handler = signal.signal(signal.SIGTERM, self._terminate)
        try:
            self._read_address(home / "runtime", log)
        except BaseException:
            self.__exit__()
            raise

    def _read_address(self, runtime, log, timeout=120):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            for path in runtime.glob("jpserver-*.json"):
                try:
                    server = json.loads(path.read_text(encoding="utf-8"))
                except ValueError:  # half written
                    continue
                self._address, self._token = server["url"], server["token"]
                return
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")

    def _stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _terminate(self, signal_number, frame):
        """End the server at once, then everything else as Ctrl-C does."""
        self._stop()
        raise KeyboardInterrupt

    def open(self, browser, name) -> Notebook:
        """Open `name`, a notebook in `folder`, in a page of its own, without running anything."""
        workspace = f"page-{next(self._numbers)}"  # its own, or JupyterLab restores the last one
        path = f"doc/workspaces/{workspace}/tree/{quote(name)}"
        page = browser.new_page()
        page.goto(f"{self._address}{path}?token={self._token}")
        return Notebook(page)
