"""A bar that shows how far a long computation is."""

from contextlib import contextmanager

from tqdm.auto import tqdm


@contextmanager
def progress_bar(total, shown):
    """Show a progress bar for a while; it goes when the work is done, however early.

    In a notebook it is then hidden, not closed: JupyterLab would put an error in the place of a
    closed one when the notebook is opened again. One that is interrupted stays as it stood.

    Parameters
    ----------
    total : int
    shown : bool

    Yields
    ------
    tqdm.tqdm
        Whose ``update()`` counts one more.
    """
    with tqdm(total=total, disable=not shown, leave=False) as bar:
        yield bar
        if hasattr(bar, "container"):  # the widget, in a notebook
            bar.total, bar.leave = bar.n, True
            bar.container.layout.display = "none"
