"""Write the index of CARD.md anew: what each notebook asks to drag, to write and to find out.

    python tools/write_index.py

It is read off the notebooks; tools/refresh_notebooks.py does the same at its end.
"""

import ast
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
CARD = ROOT / "CARD.md"
BEGIN = "<!-- The rest is written by tools/write_index.py -->\n"
HEADING = re.compile(r"^## (?:(\d+) · )?(?:Play: )?(.+)$", re.MULTILINE)
CHECK = re.compile(r"^(\w+) = check\(\1\)", re.MULTILINE)
EXERCISE = re.compile(r"^\*\*(\d+\..+?)\*\*", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"^\*Time: (.+?)\*\s*$", re.MULTILINE)
DECK = ["lr", "momentum", "p", "weight_decay"]  # what is moved while it trains


def labels(control):
    """How the label of a control begins, in a list; an empty one where it has none of its own."""
    found = [part for part in ast.walk(control) if isinstance(part, ast.keyword)]
    texts = [part.value.value for part in found if part.arg == "label"]
    return [text.partition(":")[0] for text in texts]


def controls(source):
    """What the controls of a live exploration move; None for other cells."""
    for call in ast.walk(ast.parse(source)):
        name = getattr(getattr(call, "func", None), "id", None)
        if name == "flight_deck":
            return DECK
        if name == "live":
            return [
                next(iter(labels(keyword.value)), keyword.arg)
                for keyword in call.keywords
                if keyword.arg != "on_release" and "draw_again" not in ast.unparse(keyword.value)
            ]
    return None


def contents(notebook):
    """Live explorations under their headings, names of blanks, titles of exercises."""
    heading, explorations, blanks, exercises = "", [], [], []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for number, title in HEADING.findall(cell.source):
                heading = f"{number} {title}".strip()
            if heading == "Exercises":
                exercises += [" ".join(title.split()) for title in EXERCISE.findall(cell.source)]
        elif (moved := controls(cell.source)) is not None:
            explorations.append(f"{heading} ({', '.join(moved)})")
        elif heading != "Exercises":
            blanks += CHECK.findall(cell.source)
    return explorations, blanks, exercises


def entry(path):
    """The lines of one notebook."""
    notebook = nbformat.read(path, as_version=4)
    opening = notebook.cells[0].source
    title = opening.partition("\n")[0].removeprefix("# ").replace(" · ", " ")
    time = TIME.search(opening)
    explorations, blanks, exercises = contents(notebook)
    return "\n".join(
        [
            f"### [{title}](notebooks/{path.name})\n",
            f"{time[1][0].upper()}{time[1][1:]}\n" if time else "",
            f"- *Drag:* {'; '.join(explorations)}",
            f"- *Write:* {', '.join(f'`{name}`' for name in blanks)}",
            f"- *Exercises:* {' '.join(exercises)}\n",
        ]
    )


def index():
    """The index, Markdown."""
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    return "\n".join(map(entry, paths))


def main():
    card, _, _ = CARD.read_text(encoding="utf-8").partition(BEGIN)
    CARD.write_text(card + BEGIN + "\n" + index(), encoding="utf-8")


if __name__ == "__main__":
    main()
