"""What a notebook cell shows and its next run replaces: the base of explorations and questions."""

import html
import re

import ipywidgets as widgets
import traitlets
from IPython import get_ipython

from course_utils.lab.own_plots import keep_for_their_cell

# A panel without a kernel, as in a notebook opened again, says how to bring it back to life.
# In a dark theme a picture is dark too. Still ones are images that want a light background and have
# a width but no height: a student's own plots have neither, or both.
STYLE = """
body[data-jp-theme-light="false"] .live-figure,
body[data-jp-theme-light="false"] img.jp-needs-light-background[width]:not([height]),
body[data-jp-theme-light="false"] .jp-RenderedMarkdown img[src*="images/"],
body[data-vscode-theme-kind="vscode-dark"] .live-figure,
body[data-vscode-theme-kind="vscode-high-contrast"] .live-figure {
  filter: invert(0.93) hue-rotate(180deg);
}
.note p, .note li, .note pre { line-height: 1.5; margin: 0.3em 0; }
.note p, .note li, .note label { font-size: var(--jp-content-font-size1, 14px); }
.note ol { margin: 0.3em 0; padding-left: 1.6em; }
.note pre { font-size: var(--jp-code-font-size, 13px); overflow-x: auto; }
.note code { font-size: 0.93em; }
.note label { display: flex; flex-direction: row-reverse; justify-content: flex-end; }
.note label { height: auto; line-height: 1.4; margin: 2px 0; }
.note .aside { opacity: 0.75; }
.live .aside { font-style: italic; min-height: 1.4em; }
.live-waits > .live-reading { max-width: 760px; min-height: 112px; }
.live-log { overflow-x: auto; }
.live-log table { font-size: 12px; font-variant-numeric: tabular-nums; border-collapse: collapse; }
.live-log caption { text-align: left; font-weight: bold; padding: 4px 0; }
.live-log th, .live-log td { padding: 2px 6px; text-align: right; line-height: 1.3; }
.live-log td { max-width: 110px; white-space: normal; }
.live-log mark { background: none; color: inherit; font-weight: bold; }
.live-code textarea { font-family: var(--jp-code-font-family, monospace); font-size: 12px; }
.live > .widget-hbox > .widget-label {
  white-space: normal; height: auto; line-height: 1.3; align-self: center;
}
.course-panel .jupyter-widgets-disconnected::before { display: none; }
.course-panel.jupyter-widgets-disconnected > * { pointer-events: none; }
.course-panel.jupyter-widgets-disconnected::before {
  content: "As it was when the notebook was saved. Run this cell to play on.";
  color: inherit; font: italic var(--jp-ui-font-size1, 13px) sans-serif; opacity: 0.75;
}
"""


keep_for_their_cell(get_ipython())


class Panel(widgets.VBox):
    """A box of widgets that has a static form, for viewers without a kernel, and leaves nothing
    behind when it is closed. It brings the page's style with it.

    A subclass writes ``static() -> (data, metadata)``, the mime bundle of its static form, and a
    ``__repr__``. Both stay the same whatever the student does, so that a saved notebook does too.
    """

    def __init__(self, children, **options):
        style = widgets.HTML(f"<style>{STYLE}</style>", layout={"display": "none"})
        super().__init__([style, *children], **options)
        self.add_class("course-panel")

    def static(self):
        """The static form: data and metadata by mime type."""
        raise NotImplementedError

    def close(self):
        """Let go of the box and of every widget in it."""
        close_tree(self)

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = self.static()
        return {**super()._repr_mimebundle_(**kwargs), **data, "text/plain": repr(self)}, metadata


class Note(Panel):
    """A panel of words and buttons, set off by a bar of a color, no wider than a picture."""

    def __init__(self, children, color):
        layout = {
            "border_left": f"4px solid {color}",
            "padding": "2px 4px 2px 14px",
            "margin": "6px 0",
            "max_width": "760px",
        }
        super().__init__(children, layout=layout)
        self.add_class("note")


class DescribedImage(widgets.Image):
    """An image with a text alternative, its `tooltip`."""

    description = traitlets.Unicode("").tag(sync=True)  # or the page cannot show a tooltip


def close_tree(widget):
    """Close a widget, the widgets inside it, and their layouts and styles."""
    parts = [getattr(widget, name, None) for name in ("layout", "style")]
    for part in (*getattr(widget, "children", ()), *filter(None, parts)):
        close_tree(part)
    widgets.Widget.close(widget)


_shown = {}  # by notebook cell: the run that made them, and its panels


def replace_in_cell(panel):
    """Close what an earlier run of the same notebook cell made, so that nothing piles up."""
    shell = get_ipython()
    if not hasattr(shell, "get_parent"):
        return
    cell = shell.get_parent().get("metadata", {}).get("cellId")
    if cell is None:
        return
    run, panels = _shown.get(cell, (None, []))
    if run != shell.execution_count:
        for previous in panels:
            previous.close()
        panels = []
    _shown[cell] = shell.execution_count, [*panels, panel]


def to_html(text):
    """Plain text as HTML, in which `backticks` mark code."""
    return re.sub("`(.+?)`", r"<code>\1</code>", html.escape(text))
