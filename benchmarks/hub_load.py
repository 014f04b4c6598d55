"""A class on one machine: N students log in, open notebook 02, run its first exploration and drag c.

Starts the hub of deploy/ on this machine, with system users load-01, load-02, ... that it makes and
removes again, once for each N. Each student is a client that speaks as the page does: logs in,
starts the server, opens the notebook, runs its cells up to the first exploration over the kernel's
websocket, and sends the slider's messages. A frame is the time from a slider's message to the
arrival of its picture. As root, in the environment of deploy/README.md:

    python benchmarks/hub_load.py 2 5
"""

import argparse
import asyncio
import json
import os
import pwd
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import aiohttp
import psutil
from yarl import URL

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = ROOT / "deploy" / "jupyterhub_config.py"
sys.path.insert(0, str(CONFIGURATION.parent))

import add_students

NOTEBOOK = "course/notebooks/02_initialization.ipynb"
PORTS = {"COURSE_HUB_PORT": 18481, "COURSE_HUB_PROXY_PORT": 18401}
ADDRESS = "http://127.0.0.1:18400"
PROTOCOL = "v1.kernel.websocket.jupyter.org"
START_LIMIT, CELL_LIMIT, FRAME_LIMIT = 600, 300, 30  # seconds
STEP = 0.05  # of the slider


class Hub:
    """The hub of deploy/, with a state of its own."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hub-load-")
        self.log = Path(self.folder.name) / "hub.log"
        settings = {"COURSE_HUB_ADDRESS": ADDRESS, "COURSE_HUB_STATE": self.folder.name}
        settings |= {name: str(port) for name, port in PORTS.items()}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", CONFIGURATION],
                env=os.environ | settings,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(90)  # half a minute, if it was started where interrupts are ignored
        self.folder.cleanup()

    async def is_up(self):
        async with aiohttp.ClientSession() as session:
            while True:
                if self.process.poll() is not None:
                    sys.exit(self.log.read_text())
                try:
                    async with session.get(f"{ADDRESS}/hub/login") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.2)

    def errors(self):
        """The lines that the log marks as errors."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("[E ")]


class Users:
    """System users with passwords, for as long as the benchmark runs."""

    def __init__(self, number):
        self.names = [f"load-{k:02}" for k in range(1, number + 1)]

    def __enter__(self):
        add_students.make_groups()
        for name in self.names:
            if add_students.exists(name):
                sys.exit(f"the user {name} exists; remove it first: userdel --remove {name}")
        return {name: add_students.add(name) for name in self.names}

    def __exit__(self, *_):
        for name in self.names:
            if add_students.exists(name):
                end_processes(name)
                subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


def processes(name):
    """The processes of a user."""
    uid = pwd.getpwnam(name).pw_uid
    return [each for each in psutil.process_iter(["uids"]) if each.info["uids"].real == uid]


def end_processes(name):
    found = processes(name)
    for each in found:
        each.send_signal(signal.SIGKILL)
    psutil.wait_procs(found, 10)


def memory(name):
    """Bytes of a user's processes; what several share is divided among them."""
    total = 0
    for each in processes(name):
        try:
            total += each.memory_full_info().pss
        except psutil.NoSuchProcess:
            pass
    return total


def processor_time(name):
    """Seconds that a user's processes have worked."""
    total = 0
    for each in processes(name):
        try:
            total += sum(each.cpu_times()[:2])
        except psutil.NoSuchProcess:
            pass
    return total


class Student:
    """One student: what a browser would send, and when what came back."""

    def __init__(self, name, password):
        self.name, self.password = name, password
        self.stage, self.failure = "waiting", ""
        self.server_at = self.ready_at = None
        self.frames, self.late, self.merged = [], 0, 0
        self.models = {}  # by id: the state of each widget when it was made

    async def run(self, begin, ready, seconds, rate):
        """All of it; a failure is noted, not raised."""
        jar = aiohttp.CookieJar(unsafe=True)  # unsafe: addresses without a name may have cookies
        limit = aiohttp.ClientTimeout(total=START_LIMIT)
        try:
            async with aiohttp.ClientSession(cookie_jar=jar, timeout=limit) as self.session:
                await self._log_in()
                await self._start_server()
                self.server_at = time.monotonic() - begin
                kernel = await self._open_notebook()
                address = f"{self._base}/api/kernels/{kernel}/channels?session_id={self._id}"
                async with self.session.ws_connect(
                    address, protocols=[PROTOCOL], max_msg_size=0, heartbeat=60
                ) as self.socket:
                    await self._run_cells()
                    self.ready_at = time.monotonic() - begin
                    ready.come()
                    while not ready.open.is_set():
                        with suppress(TimeoutError):  # a page that waits answers the server's pings
                            await self._receive(timeout=1)
                    await self._drag(seconds, rate)
                self.stage = "done"
        except Exception as error:  # noqa: BLE001 (what breaks is what is asked)
            self.failure = f"{self.stage}: {type(error).__name__}: {error}"[:300]
            if self.ready_at is None:
                ready.come()

    async def _log_in(self):
        self.stage = "log in"
        login = f"{ADDRESS}/hub/login"
        async with self.session.get(login) as page:
            page.raise_for_status()
        form = {"username": self.name, "password": self.password, "_xsrf": self._xsrf(login)}
        # The answer leads to the server, which is started by that: do not wait for it here.
        async with self.session.post(login, data=form, allow_redirects=False) as page:
            if page.status != 302:
                raise RuntimeError(f"status {page.status}")

    async def _start_server(self):
        self.stage = "start the server"
        self._id = uuid.uuid4().hex
        self._base = f"{ADDRESS}/user/{self.name}"
        async with self.session.get(f"{ADDRESS}/hub/spawn") as page:
            page.raise_for_status()
        end = time.monotonic() + START_LIMIT
        while True:
            async with self.session.get(f"{self._base}/lab/tree/{NOTEBOOK}") as page:
                if page.status == 200 and "/hub/" not in page.url.path:
                    return
                if page.status >= 500 and page.status != 503:
                    raise RuntimeError(f"status {page.status} at {page.url.path}")
            if time.monotonic() > end:
                raise TimeoutError(f"no server in {START_LIMIT} s")
            await asyncio.sleep(1)

    async def _open_notebook(self):
        self.stage = "open the notebook"
        async with self.session.get(f"{self._base}/api/contents/{NOTEBOOK}") as answer:
            answer.raise_for_status()
            cells = (await answer.json())["content"]["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        first = next(k for k, source in enumerate(sources) if source.startswith("live("))
        self.sources = sources[: first + 1]
        wanted = {"path": NOTEBOOK, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        headers = {"X-XSRFToken": self._xsrf(f"{self._base}/")}
        async with self.session.post(
            f"{self._base}/api/sessions", json=wanted, headers=headers
        ) as answer:
            answer.raise_for_status()
            return (await answer.json())["kernel"]["id"]

    def _xsrf(self, address):
        return self.session.cookie_jar.filter_cookies(URL(address))["_xsrf"].value

    async def _send(self, kind, content):
        """Send a message to the kernel and return its id."""
        header = {"msg_id": uuid.uuid4().hex, "session": self._id, "username": self.name}
        header |= {"msg_type": kind, "version": "5.4", "date": "2026-01-01T00:00:00Z"}
        parts = [b"shell", *(json.dumps(part).encode() for part in (header, {}, {}, content))]
        await self.socket.send_bytes(pack(parts))
        return header["msg_id"]

    async def _receive(self, timeout=None):
        """The kernel's next message: its kind, the id that it answers, and its content."""
        message = await self.socket.receive(timeout)
        if message.type != aiohttp.WSMsgType.BINARY:
            raise ConnectionError(f"the websocket said {message.type.name} {message.data!r}")
        _, header, parent, _, content, *buffers = unpack(message.data)
        kind, content = json.loads(header)["msg_type"], json.loads(content)
        if kind == "comm_open":
            self.models[content["comm_id"]] = content["data"].get("state", {})
        state = content.get("data", {}).get("state", {}) if kind == "comm_msg" else {}
        if "sent" in state:  # the page tells the kernel which frame it has taken
            await self._set(content["comm_id"], taken=state["sent"])
        return kind, json.loads(parent).get("msg_id"), content, buffers

    async def _set(self, model, **state):
        data = {"method": "update", "state": state, "buffer_paths": []}
        return await self._send("comm_msg", {"comm_id": model, "data": data})

    async def _run_cells(self):
        for number, source in enumerate(self.sources, 1):
            self.stage = f"run code cell {number}"
            content = {"code": source, "silent": False, "store_history": True}
            content |= {"user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
            sent = await self._send("execute_request", content)
            async with asyncio.timeout(CELL_LIMIT):
                idle = replied = False
                while not (idle and replied):
                    kind, parent, content, _ = await self._receive()
                    if parent == sent and kind == "error":
                        raise RuntimeError(f"{content['ename']}: {content['evalue']}")
                    replied |= parent == sent and kind == "execute_reply"
                    idle |= parent == sent and content.get("execution_state") == "idle"

    def _model(self, name):
        """The first widget of a kind."""
        return next(key for key, state in self.models.items() if state.get("_model_name") == name)

    async def _drag(self, seconds, rate):
        """Move c `rate` times a second on average, at moments of one's own.

        As in the page, a move waits until the last is answered.
        """
        self.stage = "drag"
        rng = random.Random(self.name)
        slider, image = self._model("FloatSliderModel"), self._model("ImageModel")
        low, high, c = (self.models[slider][key] for key in ("min", "max", "value"))
        direction, end = 1, time.monotonic() + seconds
        due = time.monotonic() + rng.random() / rate
        while due < end:
            await asyncio.sleep(due - time.monotonic())
            if not low <= c + direction * STEP <= high:
                direction = -direction
            c += direction * STEP
            start = time.monotonic()
            sent = await self._set(slider, value=c)
            async with asyncio.timeout(FRAME_LIMIT):
                arrived, idle = False, False
                while not (arrived and idle):
                    kind, parent, content, buffers = await self._receive()
                    of_image = kind == "comm_msg" and content["comm_id"] == image and buffers
                    if parent == sent and of_image and not arrived:
                        arrived = True
                        self.frames.append(time.monotonic() - start)
                    idle |= parent == sent and content.get("execution_state") == "idle"
            due += rng.uniform(0.5, 1.5) / rate
            while due < time.monotonic():  # these moves were merged into the next
                due += rng.uniform(0.5, 1.5) / rate
                self.merged += 1


def pack(parts):
    """One websocket message of the kernel's protocol (version 1): offsets, then the parts."""
    offsets = [8 * (2 + len(parts))]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    numbers = [len(offsets), *offsets]
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), *parts])


def unpack(data):
    """The parts of such a message."""
    count = int.from_bytes(data[:8], "little")
    offsets = [int.from_bytes(data[8 * k : 8 * k + 8], "little") for k in range(1, count + 1)]
    return [data[a:b] for a, b in pairwise(offsets)]


class Gate:
    """Opens when all have come, or have failed on the way."""

    def __init__(self, number):
        self.missing, self.open = number, asyncio.Event()

    def come(self):
        self.missing -= 1
        if not self.missing:
            self.open.set()


async def watch(names, seen):
    """Note the least memory that was free, and what each student takes."""
    while True:
        free = psutil.virtual_memory().available
        seen["free"] = min(seen.get("free", free), free)
        await asyncio.sleep(2)


async def measure(number, seconds, rate):
    """One class: its students, afterwards, and what the machine was like."""
    with Users(number) as passwords, Hub() as hub:
        await hub.is_up()
        seen = {"load before": os.getloadavg()[0]}
        watcher = asyncio.create_task(watch(list(passwords), seen))
        students = [Student(name, password) for name, password in passwords.items()]
        gate, begin = Gate(number), time.monotonic()
        runs = [asyncio.create_task(each.run(begin, gate, seconds, rate)) for each in students]
        await gate.open.wait()
        psutil.cpu_percent()
        ready = [each.name for each in students if each.ready_at is not None]
        drag, own, work = time.monotonic(), time.process_time(), sum(map(processor_time, ready))
        await asyncio.gather(*runs)
        seen["busy"] = psutil.cpu_percent()
        seen["client"] = 100 * (time.process_time() - own) / (time.monotonic() - drag)
        seen["work"] = sum(map(processor_time, ready)) - work
        watcher.cancel()
        up = [each.name for each in students if each.server_at is not None]
        seen["memory"] = [memory(name) for name in up]
        seen["hub"] = sum(
            each.memory_full_info().pss
            for each in [psutil.Process(hub.process.pid)]
            + psutil.Process(hub.process.pid).children(recursive=True)
            if each.uids().real == 0
        )
        seen["errors"] = hub.errors()
    return students, seen


def percentile_95(values):
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def report(number, students, seen):
    """One row of the table, and below it what went wrong."""
    frames = [1000 * frame for each in students for frame in each.frames]
    servers = [each.server_at for each in students if each.server_at is not None]
    ready = [each.ready_at for each in students if each.ready_at is not None]
    merged = sum(each.merged for each in students)
    megabytes = [total / 2**20 for total in seen["memory"]]
    cells = [
        number,
        f"{len(servers)}, {len(ready)}",
        f"{statistics.median(servers):.0f} / {max(servers):.0f}" if servers else "",
        f"{statistics.median(ready):.0f} / {max(ready):.0f}" if ready else "",
        f"{statistics.median(frames):.0f} / {percentile_95(frames):.0f}" if frames else "",
        f"{1000 * seen['work'] / len(frames):.0f}" if frames else "",
        f"{100 * merged / (len(frames) + merged):.0f}%" if frames else "",
        f"{statistics.median(megabytes):.0f} / {max(megabytes):.0f}" if megabytes else "",
        f"{seen['hub'] / 2**20:.0f}",
        f"{seen['free'] / 2**30:.1f}",
        f"{seen['busy']:.0f}%, {seen['client']:.0f}%",
        f"{seen['load before']:.1f}",
    ]
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    failures = Counter(each.failure for each in students if each.failure)
    for failure, times in failures.most_common(5):
        print(f"<!-- {times} failed at {failure} -->")
    for line in seen["errors"][:5]:
        print(f"<!-- hub: {line[:300]} -->")
    sys.stdout.flush()


HEAD = (
    "students",
    "servers up, at the slider",
    "server up, s (median / last)",
    "at the slider, s (median / last)",
    "frame, ms (median / 95%)",
    "processor time a frame, ms",
    "moves merged",
    "MB a student (median / most)",
    "hub and proxy, MB",
    "free at least, GB",
    "processor in the drag: all, client (of one core)",
    "load before",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("students", type=int, nargs="+", help="how many, one or more numbers")
    parser.add_argument("--seconds", type=float, default=30, help="of the drag (30)")
    parser.add_argument("--rate", type=float, default=2, help="moves a second (2)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("Run it as root: it makes system users and starts servers in their names.")
    print("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|", flush=True)
    for number in options.students:
        students, seen = asyncio.run(measure(number, options.seconds, options.rate))
        report(number, students, seen)


if __name__ == "__main__":
    main()
