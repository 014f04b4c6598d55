"""JupyterHub for one class on one machine; deploy/README.md has the commands in order.

Run by root, since every student's server belongs to a system user of the student's own. Change what
stands here freely; what comes from the environment differs between the class and a trial.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COURSE = HERE.parent
sys.path.insert(0, str(HERE))

from spawner import StudentSpawner

PROGRAMS = Path(sys.executable).parent
STATE = Path(os.environ.get("COURSE_HUB_STATE", "/var/lib/course-hub"))
STATE.mkdir(parents=True, exist_ok=True)
STATE.chmod(0o700)  # the table in it can be read by all

c = get_config()  # noqa: F821

# The address. Passwords cross the network, so give it a certificate, or keep it on this machine
# and put a web server with one in front.
c.JupyterHub.bind_url = os.environ.get("COURSE_HUB_ADDRESS", "http://127.0.0.1:8000")
c.JupyterHub.ssl_cert = os.environ.get("COURSE_HUB_CERTIFICATE", "")
c.JupyterHub.ssl_key = os.environ.get("COURSE_HUB_KEY", "")
c.JupyterHub.hub_port = int(os.environ.get("COURSE_HUB_PORT", "8081"))
proxy_port = os.environ.get("COURSE_HUB_PROXY_PORT", "8001")
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [str(HERE / "node_modules" / ".bin" / "configurable-http-proxy")]
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")

# What must outlive a restart of the hub: who is logged in, and which servers run.
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{STATE / 'hub.sqlite'}"
c.JupyterHub.cleanup_servers = False  # they run on while the hub is restarted

# Who comes in: system users of the group that add_students.py puts them in.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"course-students"}
c.PAMAuthenticator.admin_groups = {"course-teachers"}
c.PAMAuthenticator.open_sessions = False

# What each one gets.
c.JupyterHub.spawner_class = StudentSpawner
c.StudentSpawner.files = os.environ.get("COURSE_HUB_FILES", str(COURSE / "notebooks"))
c.StudentSpawner.mem_limit = "1536M"  # of all that a student runs; a notebook takes up to 600 MB
c.StudentSpawner.cpu_limit = 1.0
c.StudentSpawner.processes = 256
c.Spawner.cmd = [str(PROGRAMS / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab/tree/course/notebooks/00_start_here.ipynb"
c.Spawner.disable_user_config = True  # so that no student's settings undo these
c.Spawner.args = [
    # Over TCP anyone on the machine could read what a kernel prints: see deploy/README.md.
    "--KernelManager.transport=ipc",
    f"--LabApp.app_settings_dir={COURSE / 'course_utils' / 'lab' / 'jupyterlab'}",
]
c.Spawner.environment = {
    "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
    "OPENBLAS_NUM_THREADS": "1",  # many share few cores
}
c.Spawner.start_timeout = 600  # the last of a class waits until the others have started
c.Spawner.http_timeout = 120

# A server in which nothing has run for an hour is ended. Files stay, variables are lost.
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
    }
]
