"""The table of verdicts: a row for each measurement, filled in as the notebook runs."""

import html


class Verdicts:
    """What was measured of each suspect, and what the student says of it.

    As the last line of a cell, ``verdicts.add(...)`` shows the table so far.
    """

    columns = ("suspect", "measured", "verdict")
    open = "(yours)"

    def __init__(self):
        self.rows = {}

    def add(self, suspect, measured, verdict=""):
        """Enter a row, or replace that of the same suspect, and return self."""
        self.rows[suspect] = measured, verdict or self.open
        return self

    def _repr_html_(self):
        def row(cells, tag="td"):
            cells = (f"<{tag} style='text-align:left'>{html.escape(c)}</{tag}>" for c in cells)
            return f"<tr>{''.join(cells)}</tr>"

        body = "".join(row((suspect, *rest)) for suspect, rest in self.rows.items())
        return f"<table>{row(self.columns, 'th')}{body}</table>"

    def __repr__(self):
        return "\n".join(f"{suspect}: {one}: {two}" for suspect, (one, two) in self.rows.items())
