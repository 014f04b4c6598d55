"""A student's server: a process of its own system user, with the course's files and limits.

It works with systemd and without. A control group for each student limits memory and processor time
of all that the student runs; where control groups cannot be written, as in most containers, the
limits of each process are left, and the log says so.
"""

import asyncio
import os
import pwd
import resource
import subprocess
import sys
import time
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Integer, Unicode

CONTROL_GROUPS = Path("/sys/fs/cgroup")
COPY_NEW = Path(__file__).with_name("copy_new.py")
TURN = 60  # seconds after which a server that does not answer lets the next one start


class StudentSpawner(LocalProcessSpawner):
    """Starts a student's server; `mem_limit` and `cpu_limit` hold for all that the student runs."""

    files = Unicode(help="The folder of notebooks that every student gets.").tag(config=True)
    folder = Unicode("course/notebooks", help="Where, in the home.").tag(config=True)
    processes = Integer(256, help="Processes and threads a student may have.").tag(config=True)

    # As many as there are cores start at a time, so that the first students work while the last
    # wait. All at once they would share the processor, and nobody would work for minutes.
    _starting = asyncio.Semaphore(os.cpu_count() or 1)

    async def start(self):
        """Bring the student's files up to date, start the server and wait until it listens."""
        async with self._starting:
            await asyncio.to_thread(self._copy_files)
            ip, port = await super().start()
            end = time.monotonic() + TURN
            while self.proc.poll() is None and time.monotonic() < end:
                if await listens(ip, port):
                    break
                await asyncio.sleep(0.2)
            return ip, port

    def _copy_files(self):
        """Copy what the student does not have, with the student's rights and not with root's."""
        student = pwd.getpwnam(self.user.name)
        command = [sys.executable, "-I", COPY_NEW, self.files, Path(student.pw_dir, self.folder)]
        done = subprocess.run(
            command,
            user=student.pw_uid,
            group=student.pw_gid,
            extra_groups=[],
            umask=0o077,
            cwd="/",
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            self.log.error("Files for %s: %s", self.user.name, done.stderr.strip())

    def make_preexec_fn(self, name):
        """What the new process does before it becomes the student's server."""
        become_student = super().make_preexec_fn(name)
        try:
            groups = control_groups(name, self.mem_limit, self.cpu_limit)
        except OSError as error:
            groups = []
            self.log.warning("No control group for %s, only limits of processes: %s", name, error)

        def prepare():
            for group in groups:
                (group / "cgroup.procs").write_text(str(os.getpid()))
            if self.mem_limit:
                # NumPy then raises a MemoryError, where the control group ends the kernel.
                resource.setrlimit(resource.RLIMIT_DATA, 2 * [int(0.8 * self.mem_limit)])
            resource.setrlimit(resource.RLIMIT_NPROC, 2 * [self.processes])
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.umask(0o077)
            become_student()

        return prepare


def control_groups(name, memory, cpus, root=CONTROL_GROUPS):
    """Make a student's control group, with limits, and return its folders.

    Parameters
    ----------
    name : str
    memory : int or None
        Bytes of all processes together.
    cpus : float or None
        Processors of all processes together.
    root : Path
        Where control groups are mounted, in version 2 (one tree) or version 1 (one a controller).

    Raises
    ------
    OSError
        Where they cannot be written.
    """
    period = 100_000  # microseconds
    quota = int(cpus * period) if cpus else None
    if (root / "cgroup.controllers").exists():
        course = root / "course"
        course.mkdir(exist_ok=True)
        for parent in root, course:
            (parent / "cgroup.subtree_control").write_text("+memory +cpu")
        group = course / name
        limits = {
            group / "memory.max": memory or "max",
            group / "memory.swap.max": 0 if memory else "max",
            group / "cpu.max": f"{quota or 'max'} {period}",
        }
    else:
        limits = {
            root / "memory" / "course" / name / "memory.limit_in_bytes": memory or -1,
            root / "cpu" / "course" / name / "cpu.cfs_quota_us": quota or -1,
        }
    for file, value in limits.items():
        if not file.parents[2].is_dir():
            raise OSError(f"{file.parents[2]} is no folder of control groups")
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.name != "memory.swap.max" or file.exists():  # a machine may have no swap to limit
            file.write_text(str(value))
    return sorted({file.parent for file in limits})


async def listens(ip, port):
    """Whether somebody answers at a port."""
    try:
        _, writer = await asyncio.open_connection(ip, port)
    except OSError:
        return False
    writer.close()
    return True
