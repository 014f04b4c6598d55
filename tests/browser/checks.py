"""Play with a live exploration as a student would, and name what does not answer."""

from itertools import pairwise


def problems(exploration) -> list[str]:
    """Move every control of an exploration and return what is wrong, in words.

    For each slider: a step by the keyboard and a drag by the mouse each change the picture; after
    the drag the picture is that of the value shown (a step away and back gives it again). Every
    other control changes the picture or the reading. *Reset* brings the first picture back after
    each. The picture is never missing and never moves or changes its size on the page, and the
    reading follows at least one control.

    Where a picture keeps earlier runs on purpose (class live-remembers), the reading stands for it
    when a value comes back.
    """
    found = []
    start = exploration.settled()
    if start.picture is None:
        return ["there is no picture"]
    seen = [start]
    for number, control in enumerate(exploration.controls):
        name = f"{control.kind} {control.label!r}"
        move = _move_slider if control.kind == "slider" else _move_other
        states, faults = move(exploration, control, number, start)
        exploration.reset()
        after_reset = exploration.settled()
        seen += [*states, after_reset]
        if not _came_back(exploration, start, after_reset):
            faults.append("reset does not bring back the first values, picture and reading")
        found += [f"{name}: {fault}" for fault in faults]
    if any(state.picture is None for state in seen):
        found.append("the picture goes missing")
    if any(before.place != after.place for before, after in pairwise(seen)):
        found.append("the picture moves or changes its size on the page")
    if len({state.reading for state in seen}) == 1:
        found.append(f"the reading always says {start.reading!r}")
    return found


def _move_slider(exploration, slider, number, start):
    """Step and drag a slider; return the states seen and what is wrong."""
    faults = []
    slider.press("ArrowLeft" if slider.fraction == 1 else "ArrowRight")
    stepped = exploration.settled()
    faults += _unanswered("a step by the keyboard", start, stepped, number)
    slider.drag(0.8 if slider.fraction < 0.5 else 0.2)
    dragged = exploration.settled()
    faults += _unanswered("a drag by the mouse", stepped, dragged, number)
    away, back = (
        ("ArrowRight", "ArrowLeft") if slider.fraction == 0 else ("ArrowLeft", "ArrowRight")
    )
    slider.press(away)
    slider.press(back)
    again = exploration.settled()
    if not _came_back(exploration, dragged, again):
        faults.append(
            f"what a drag leaves at {dragged.values[number]} is not what a step away and back gives"
        )
    return [stepped, dragged, again], faults


def _came_back(exploration, before, after):
    same = (before.values, before.reading) == (after.values, after.reading)
    return same and (exploration.remembers or before.picture == after.picture)


def _unanswered(move, before, after, number):
    old, new = before.values[number], after.values[number]
    if old == new:
        return [f"{move} leaves the value at {old}"]
    if before.picture == after.picture:
        return [f"{move} from {old} to {new} does not change the picture"]
    return []


def _move_other(exploration, control, number, start):
    """Choose, tick or click; return the state seen and what is wrong."""
    control.change()
    changed = exploration.settled()
    if (start.picture, start.reading) == (changed.picture, changed.reading):
        return [changed], ["changes neither the picture nor the reading"]
    return [changed], []
