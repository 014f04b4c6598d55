"""Frames no faster than the page takes them: a slow network has only the newest to carry."""

import asyncio
import time

import ipywidgets as widgets
import traitlets

MOMENT = 0.005  # seconds in which messages of the page can arrive, as a newer slider value
PATIENCE = 5.0  # seconds after which a page that does not answer counts as gone


class Pace(widgets.Widget):
    """The number of frames sent to the page, and of those that the page has taken.

    A link within the page copies the one number to the other and so answers every frame. Where no
    page has ever answered (a test, nbconvert), all frames count as taken.
    """

    sent = traitlets.Int(1).tag(sync=True)
    taken = traitlets.Int(0).tag(sync=True, echo_update=False)

    def __init__(self):
        super().__init__()
        self._link = widgets.jsdlink((self, "sent"), (self, "taken"))
        self._sent_at = time.monotonic()

    def count_frame(self):
        """Note that a frame is on its way to the page."""
        self.sent += 1
        self._sent_at = time.monotonic()

    def is_ready(self):
        """Whether the page has taken the last frame, was never there, or is there no longer."""
        answered = self.taken in (0, self.sent)
        return answered or time.monotonic() - self._sent_at > PATIENCE

    async def answer(self, seconds):
        """Let the page's messages in: for a moment, and until it has answered or time is up."""
        until = time.monotonic() + seconds
        await asyncio.sleep(MOMENT)
        while not self.is_ready() and time.monotonic() < until:
            await asyncio.sleep(MOMENT)

    def close(self):
        """Let go of the numbers and of their link."""
        self._link.close()
        super().close()
