"""The course's two commands:

    python3 run.py lab     opens the course in JupyterLab
    python3 run.py test    runs every check with pytest

What follows is handed on to JupyterLab or pytest. The first start makes the environment .venv
beside this file; later ones make it anew only when pyproject.toml or requirements.lock changed.
"""

# This file needs nothing but Python, and any Python can read it: one that is too old is told so.

import hashlib
import os
import signal
import subprocess
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.realpath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "Scripts\\python.exe" if os.name == "nt" else "bin/python")
STAMP = os.path.join(VENV, "installed.txt")  # written last, so only a whole environment has one

START = "/lab/tree/notebooks/00_start_here.ipynb"  # the address that JupyterLab opens and prints
SETTINGS = os.path.join(ROOT, "course_utils", "lab", "jupyterlab")  # that differ from its own
COMMANDS = {
    "lab": [
        "jupyterlab",
        "--ServerApp.root_dir=" + ROOT,
        "--LabApp.default_url=" + START,
        "--LabApp.app_settings_dir=" + SETTINGS,
    ],
    "test": ["pytest"],
}
EVERYTHING = ".[test]"
PACKAGES = {"lab": ".", "test": EVERYTHING}


def main(arguments):
    refuse_if_old(sys.version_info)
    if not arguments or arguments[0] not in COMMANDS:
        sys.exit(__doc__.strip())
    for name in ("PYTHONHOME", "PYTHONPATH"):  # they would mix other packages in
        os.environ.pop(name, None)
    prepare(PACKAGES[arguments[0]])
    return run(PYTHON, "-m", *(COMMANDS[arguments[0]] + arguments[1:]))


def refuse_if_old(version):
    if version[:2] < OLDEST:
        sys.exit(
            "The course needs Python %d.%d or newer, and this is Python %d.%d. "
            "A newer one is at https://www.python.org/downloads." % (OLDEST + tuple(version[:2]))
        )


def prepare(packages):
    """Have an environment with these packages, made from the files as they are now."""
    source = fingerprint()
    try:
        with open(STAMP) as file:
            installed = file.read()
    except OSError:
        installed = ""
    current = os.path.exists(PYTHON) and installed.startswith(source)
    if current and installed in (source + packages, source + EVERYTHING):
        return
    sys.stderr.write("Setting up %s: a minute or more, this time only.\n" % VENV)
    if not current:
        make_environment()
    pip = ["pip", "install", "--disable-pip-version-check", "--constraint", "requirements.lock"]
    if run(PYTHON, "-m", *(pip + ["--editable", packages])) != 0:
        sys.exit(
            "The packages could not be installed; pip says why above. Is this computer online? "
            "The same command tries again."
        )
    with open(STAMP, "w") as file:
        file.write(source + packages)


def fingerprint():
    """Stand for all that an environment is made from: the place, the Python, the files."""
    digest = hashlib.sha256(repr((ROOT, sys.base_prefix, sys.version_info[:2])).encode())
    for name in ("pyproject.toml", "requirements.lock"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def make_environment():
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit(
            "This Python cannot make environments. On Debian and Ubuntu, this adds what it lacks: "
            "sudo apt install python%d.%d-venv" % sys.version_info[:2]
        )
    if run(sys.executable, "-m", "venv", "--clear", VENV) != 0:
        sys.exit(
            "The environment could not be made; the reason stands above. Close what still uses "
            "the folder %s, delete it, and try again." % VENV
        )


def run(*command):
    """Run a program in the course's folder to its end and return its exit code.

    Ctrl-C reaches the program too, so it alone decides what to do; being ended is passed on.
    """
    process = subprocess.Popen(command, cwd=ROOT)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
