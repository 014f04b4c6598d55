"""Run notebooks from top to bottom and write them back in the one form in which they are committed.

    python tools/refresh_notebooks.py                        # all of them
    python tools/refresh_notebooks.py notebooks/01_*.ipynb   # some

Cells are numbered 1 to n, pictures stay, and everything that changes from run to run goes: widget
views and state, progress bars, timings, versions. Run twice, it changes nothing. A thumbnail of
each notebook's first live exploration goes to notebooks/images/ for the map of the course, and the
index of CARD.md is written anew.
"""

import base64
import io
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PROGRESS_BAR = re.compile(r"\s*0%\|")  # what a bar, a widget, leaves as text
THUMBNAIL_WIDTH = 320


def execute(notebook, folder):
    """Run all cells in place; an error in one of them is raised here."""
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        store_widget_state=False,
        coalesce_streams=True,  # else chance decides in how many pieces a slow print arrives
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def normalize(notebook):
    """Bring a notebook into the committed form, in place; a second time changes nothing."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        cell.metadata = {"tags": sorted(cell.metadata.tags)} if cell.metadata.get("tags") else {}
    for count, cell in enumerate(code_cells, start=1):
        cell.execution_count = count
        for output in cell.outputs:
            data = output.get("data", {})
            data.pop(WIDGET_VIEW, None)
            if PROGRESS_BAR.match(data.get("text/plain", "")):
                data["text/plain"] = ""
            if output.output_type == "execute_result":
                output.execution_count = count


def thumbnail(notebook):
    """A small PNG of the first live exploration, or None."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.get("text/plain", "").startswith("<live") and "image/png" in data:
                image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
                image.thumbnail((THUMBNAIL_WIDTH, THUMBNAIL_WIDTH), Image.Resampling.LANCZOS)
                file = io.BytesIO()
                image.quantize(64).save(file, "png", optimize=True)
                return file.getvalue()
    return None


def main(paths):
    for path in paths:
        print(f"running {path.name}", flush=True)
        notebook = nbformat.read(path, as_version=4)
        execute(notebook, path.parent)
        normalize(notebook)
        nbformat.write(notebook, path)
        if picture := thumbnail(notebook):
            (path.parent / "images" / f"{path.stem[:2]}.png").write_bytes(picture)


if __name__ == "__main__":
    import write_index

    main([Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")))
    write_index.main()
