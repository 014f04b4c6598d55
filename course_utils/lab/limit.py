"""A limit of time for code that may never end, on every platform and in every thread."""

import ctypes
import threading
import time


class OutOfTime(BaseException):
    """What stops the code. No Exception, so that ``except Exception`` does not catch it."""


def within(seconds, work):
    """Return ``work()``, or raise TimeoutError if that takes longer than a number of seconds.

    It runs in a thread, so that the caller gets away even from what nothing can stop: a long call
    into compiled code, or a loop that swallows every exception. What `work` raises is raised here,
    and an interrupt stops it too.
    """
    outcome, done = {}, threading.Event()

    def run():
        try:
            outcome["value"] = work()
        except BaseException as error:  # noqa: BLE001 (it is raised again below)
            outcome["error"] = error
        finally:
            done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    end = time.monotonic() + seconds
    try:
        # In short pieces: on Windows a long wait cannot be interrupted. An event, not `join`, which
        # takes a thread for ended when it is itself interrupted.
        while not done.wait(0.05) and time.monotonic() < end:
            pass
    finally:
        in_time = done.is_set()
        _stop(thread, done)
    if not in_time:
        raise TimeoutError(f"did not finish in {seconds:g} seconds")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def _stop(thread, done):
    """Raise OutOfTime in a thread, several times if it is swallowed (by a bare ``except``)."""
    for _ in range(20):
        if done.is_set():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(OutOfTime)
        )
        done.wait(0.05)
