"""A limit of time for code that may never end, on every platform and in every thread."""

import ctypes
import threading
import time


class OutOfTime(BaseException):
    """What stops the code. No Exception, so that ``except Exception`` does not catch it."""


def within(seconds, work):
    """Return ``work()``, or raise TimeoutError if that takes longer than a number of seconds.

    It runs in a thread, so that the caller gets away even from a long call into compiled code,
    which nothing can stop. What `work` raises is raised here, and an interrupt stops it too.
    """
    outcome = {}

    def run():
        try:
            outcome["value"] = work()
        except BaseException as error:  # noqa: BLE001 (it is raised again below)
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    end = time.monotonic() + seconds
    try:
        while thread.is_alive() and time.monotonic() < end:
            thread.join(0.05)  # in short pieces: on Windows a long wait cannot be interrupted
    finally:
        stopped = thread.is_alive()
        _stop(thread)
    if stopped:
        raise TimeoutError(f"did not finish in {seconds:g} seconds")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def _stop(thread):
    """Raise OutOfTime in a thread, several times if it is swallowed (by a bare ``except``)."""
    for _ in range(20):
        if not thread.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(OutOfTime)
        )
        thread.join(0.05)
