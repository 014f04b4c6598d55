"""What students wrote for open tasks: found in a returned notebook, and made into pages to read.

A page holds text and pictures only: markdown is rendered with its HTML escaped, and the browser is
told to run nothing. Formulas are shown as they were typed.
"""

import base64
import difflib
import html
import re

import mistune

ELSEWHERE = "elsewhere"  # the key of what stands outside of all open tasks
LARGEST_PICTURE = 3_000_000  # characters of its code
LONGEST_TEXT = 20_000  # characters of a cell on a page
PICTURES = {"image/png": b"\x89PNG\r\n", "image/jpeg": b"\xff\xd8\xff"}  # and how they begin


# In a notebook


def text(source):
    """A cell's source, or an output, which a notebook may keep as a list of lines."""
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def recognized(cells, original):
    """For each returned cell the id of the one that was handed out, or None for a student's own.

    A cell is known by its id, or else by its text: some programs give new ids, or none.
    """
    left = {cell["id"]: text(cell["source"]) for cell in original}
    keys = [cell["id"] if left.pop(cell["id"], None) is not None else None for cell in cells]
    unchanged = {}
    for key, source in left.items():
        unchanged.setdefault(source, []).append(key)
    for i, cell in enumerate(cells):
        if keys[i] is None and unchanged.get(cell["source"]):
            keys[i] = unchanged[cell["source"]].pop(0)
    return keys


def written(cells, original, tasks):
    """What a student wrote, by open task, and `ELSEWHERE` for what belongs to none of them.

    A task reaches from the cell that sets it to its answer's, and on to the next cell that was
    handed out. Of what was handed out, only what is new in it counts; code outside of the tasks does
    not. Where there is anything new in a task, what its other cells have shown counts too.

    Parameters
    ----------
    cells : list of dict
        Of the returned notebook: "id", "kind", "source" (a string), "outputs", "attachments".
    original : list of dict
        The cells of the student edition, as in its file.
    tasks : iterable of str
        The ids of the cells that set a task.

    Returns
    -------
    dict of str to list of (str, str)
        Pairs of a kind ("text", "code", "output", "image/png", ...) and what to show.
    """
    was = {cell["id"]: text(cell["source"]) for cell in original}
    order, task_of = list(was), {}
    for key in tasks:
        first, last = order.index(key), order.index(f"{key}-answer")
        task_of |= dict.fromkeys(order[first : last + 1], key)
    found, current = {key: [] for key in (*tasks, ELSEWHERE)}, ELSEWHERE
    new = set()
    for cell, key in zip(cells, recognized(cells, original)):
        if key is not None:
            current = task_of.get(key, ELSEWHERE)
        is_code = cell["kind"] == "code"
        source = cell["source"] if key is None or is_code else _added(was[key], cell["source"])
        if not source.strip() or (is_code and current == ELSEWHERE):
            continue
        is_new = source != was.get(key)
        if is_new:
            new.add(current)
            found[current].append(("code" if is_code else "text", source[:LONGEST_TEXT]))
        for output in cell["outputs"]:
            found[current] += _shown(output)
        found[current] += _attached(cell["attachments"])
    return {key: parts if key in new else [] for key, parts in found.items()}


def _added(before, now):
    """The lines of a text that are new in it."""
    lines = difflib.ndiff(before.splitlines(), now.splitlines())
    return "\n".join(line[2:] for line in lines if line.startswith("+ "))


def _shown(output):
    """The picture or the text of one output of a cell."""
    if output.get("output_type") == "error":
        yield "output", f"{output.get('ename')}: {output.get('evalue')}"[:LONGEST_TEXT]
        return
    data = output.get("data")
    data = data if isinstance(data, dict) else {}
    pictures = list(_pictures(data))
    said = text(output.get("text", "") or data.get("text/plain", ""))
    if pictures:
        yield pictures[0]
    elif said.strip():
        yield "output", said[:LONGEST_TEXT]
    elif data:
        yield "output", f"[not shown: {', '.join(map(str, data))}]"[:LONGEST_TEXT]


def _attached(attachments):
    """The pictures in the text of a cell."""
    for data in attachments.values() if isinstance(attachments, dict) else ():
        yield from _pictures(data if isinstance(data, dict) else {})


def _pictures(data):
    for kind, start in PICTURES.items():
        code = data.get(kind)
        code = "".join(text(code).split()) if isinstance(code, str | list) else ""
        try:
            picture = base64.b64decode(code[:LARGEST_PICTURE], validate=True)
        except ValueError:
            continue
        if picture.startswith(start) and len(code) < LARGEST_PICTURE:
            yield kind, base64.b64encode(picture).decode()


# On a page

PAGE = """<!DOCTYPE html>
<meta charset="utf-8"><meta http-equiv="Content-Security-Policy"
content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>body {{ max-width: 50em; margin: 2em auto; font: 16px/1.5 sans-serif }}
pre {{ white-space: pre-wrap; background: #f3f3f3; padding: 0.6em }} img {{ max-width: 100% }}
th, td {{ border: 1px solid #bbb; padding: 0.2em 0.6em }} table {{ border-collapse: collapse }}
section {{ border-top: 2px solid #bbb }} .task {{ background: #eef4fb; padding: 0.1em 1em }}</style>
<h1>{title}</h1>
"""

_markdown = mistune.create_markdown(escape=True, plugins=["table", "math"])


def page(title, task, answers):
    """A page with an open task's question and rubric, and every student's parts.

    Parameters
    ----------
    title : str
    task : list of str
        Texts in Markdown.
    answers : list of (str, list)
        Students, and their parts as `written` finds them.
    """
    lines = [PAGE.format(title=html.escape(title))]
    if task:
        lines += ['<div class="task">', *map(rendered, task), "</div>"]
    for student, parts in answers:
        lines += ["<section>", f"<h2>{html.escape(student)}</h2>"]
        for kind, content in parts:
            if kind in PICTURES:
                lines.append(f'<img alt="" src="data:{kind};base64,{content}">')
            elif kind == "text":
                lines.append(rendered(content))
            else:
                lines.append(f"<pre>{html.escape(content)}</pre>")
        lines.append("</section>")
    return "\n".join(lines) + "\n"


def rendered(words):
    """Markdown as HTML that does nothing: tags are escaped, pictures stand behind the text."""
    words = re.sub(r"</?(?:details|summary)>", "\n", words)
    return _markdown(re.sub(r"!\[[^]]*\]\(attachment:[^)]*\)", "[picture below]", words))
