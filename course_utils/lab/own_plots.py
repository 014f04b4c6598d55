"""A student's own plots beside a moving slider.

JupyterLab has its widgets answered in a second thread of the kernel, also while a cell runs. After
each of their messages IPython is told that code was executed (``comm.base_comm``), and there
Matplotlib's inline backend shows and closes every open figure: those that the running cell is still
drawing would end in an answer to the slider, which shows no output.
"""

import threading

import matplotlib


def keep_for_their_cell(shell):
    """Let the inline backend show figures at the end of a cell only, not of a widget's message.

    Nothing else changes: other backends redraw figures on the page at that point.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell or None
    """
    if shell is None:
        return
    trigger = shell.events.trigger

    def trigger_for_cells(event, *args, **kwargs):
        beside_a_cell = threading.current_thread() is not threading.main_thread()
        if event == "post_execute" and beside_a_cell and "inline" in matplotlib.get_backend():
            return
        trigger(event, *args, **kwargs)

    shell.events.trigger = trigger_for_cells
