"""Play with a live exploration as a student would, and name what does not answer."""

from itertools import pairwise


def problems(exploration) -> list[str]:
    """Move every control of an exploration and return what is wrong, in words.

    For each slider: a step by the keyboard and a drag by the mouse each change the picture; after
    the drag the picture is that of the value shown (a step away and back gives it again). Every
    other control changes the picture or the reading. *Reset* brings the first picture back after
    each. The picture is never missing and never moves or changes its size on the page, and the
    reading follows at least one control.
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
        if after_reset.values != start.values or after_reset.picture != start.picture:
            faults.append("reset does not bring back the first picture and values")
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
    slider.drag(0.75 if slider.fraction < 0.5 else 0.25)
    dragged = exploration.settled()
    faults += _unanswered("a drag by the mouse", stepped, dragged, number)
    slider.press("ArrowLeft")
    slider.press("ArrowRight")
    again = exploration.settled()
    if again.values == dragged.values and again.picture != dragged.picture:
        faults.append(f"after a drag, the picture is not that of {dragged.values[number]}")
    return [stepped, dragged, again], faults


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
