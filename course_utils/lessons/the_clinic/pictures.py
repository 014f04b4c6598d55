"""The chart at the bed, the table of what heals whom, and the letters."""

import html
from functools import partial

import ipywidgets as widgets
import numpy as np
from matplotlib.patches import Rectangle

from course_utils.checks import check_choice
from course_utils.lab import colors
from course_utils.lab.canvas import Plot
from course_utils.lab.colors import GREEN
from course_utils.lab.panel import Note, replace_in_cell, to_html
from course_utils.lab.pictures import VitalSigns
from course_utils.lab.pictures.parts import Curve, words
from course_utils.lessons.the_clinic.cases import WARDS, in_ward, prescription
from course_utils.lessons.the_clinic.experiments import DIAGNOSES, changes, noted
from course_utils.lessons.the_clinic.recipes import HEALTHY, STEPS
from course_utils.lessons.the_clinic.signs import HEALED, per_layer

PALE = "#c4c4c4"


class Monitor(VitalSigns):
    """The vital signs of every notebook, with those of a healthy network in gray behind them.

    Parameters
    ----------
    layers : int
        Most weight matrices of a patient.
    """

    def __init__(self, layers=9):
        super().__init__(layers, STEPS, limits=(1e-4, 1e4))

    def build(self):
        super().build()
        own, self._moving = self._moving, []
        self.curves["update_ratio"].axes.set_ylim(1e-6, 1e2)
        gray = {"color": PALE, "linewidth": 5}
        self.healthy = {n: Curve(self, each.axes, **gray) for n, each in self.curves.items()}
        self.healthy_loss = Curve(self, self.loss.axes, color=PALE, linewidth=1.2)
        tested = {"color": colors.TEST, "marker": "o", "markersize": 3, "linewidth": 1.2}
        self._moving += own  # in front
        self.loss.axes.set_ylim(0, 6.5)  # the loss, with room for words
        self.tested = Curve(self, self.loss.axes, **tested)
        axes = self.loss.axes
        axes.set_title("loss: training (blue), test (orange)")
        right = {"transform": axes.transAxes, "ha": "right", "va": "top", "fontsize": 8}
        right["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
        self.laboratory = self.moves(axes.text(0.985, 0.96, "", **right))

    def show(self, chart, healthy=None, step=STEPS, prescribed=""):
        """Show a chart as it stood at some step.

        Parameters
        ----------
        chart : Chart
        healthy : Chart or None
            Of a network to compare with, at the same step.
        step : int
            The last look that was not later is shown.
        prescribed : str
            What the patient is treated by, for the reading.
        """
        step = at(chart, step)
        signs = chart.signs[step]
        super().show(signs, chart.losses[:step])
        looks = [each for each in chart.test if each <= step]
        self.tested.set(looks, [chart.test[each].loss for each in looks])
        normal = healthy and healthy.signs[at(healthy, step)]
        for name, line in self.healthy.items():
            values = getattr(normal, name) if normal else []
            line.set(np.arange(1, len(values) + 1), values)
        course = smooth(healthy.losses) if healthy else []
        self.healthy_loss.set(np.arange(len(course)), course)
        errors = (
            f"misread: training {chart.train[step].error:.0%}, test {chart.test[step].error:.0%}"
        )
        if step == chart.steps and np.isfinite(chart.again):
            errors += f"\nasked again, {chart.again:.0%} of the answers change"
            errors += f"\nin other company, {chart.company:.0%}"
        self.laboratory.set_text(errors)
        treated = f"With {prescribed}: " if prescribed else ""
        beside = f" (healthy: {in_words(normal)})" if normal else ""
        return (
            f"{treated}After {step} steps the training loss is {words(signs.loss)}; "
            f"{in_words(signs)}{beside}; {errors.replace(chr(10), '; ')}."
        )


def in_words(signs):
    """Vital signs by layer, in three numbers."""
    signal, back = per_layer(signs.activation[:-1]), per_layer(signs.gradient[:-1][::-1])
    if not np.isfinite([signal, back]).all():
        return "activations and gradients are no numbers, or zero"
    return (
        f"activations × {words(signal)} a layer, gradients × {words(back)} a layer on the way back, "
        f"update / weight {words(np.median(signs.update_ratio))}"
    )


def at(chart, step):
    """The last step, not later than this one, at which a chart was looked at."""
    return max((each for each in chart.signs if each <= step), default=0)


def smooth(losses, window=20):
    """Means over the losses around each step; near either end over fewer."""
    reach = [min(window // 2, i, len(losses) - 1 - i) for i in range(len(losses))]
    return [np.mean(losses[i - k : i + k + 1]) for i, k in enumerate(reach)]


class Confusion(Plot):
    """What heals whom: a row a patient, a column a prescription, the number of seeds it healed."""

    size = (8.4, 5.2)

    def draw(self, table, remedies):
        """Draw the table.

        Parameters
        ----------
        table : dict of (str, str) to list of float
            By patient and prescription, the test loss over the twin's on each seed.
        remedies : dict of str to str
            By patient the own remedy, which has a frame.
        """
        patients = list(remedies)
        codes = list(dict.fromkeys([*remedies.values(), *(code for _, code in table)]))
        healed = np.full((len(patients), len(codes)), np.nan)
        for (patient, code), ratios in table.items():
            healed[patients.index(patient), codes.index(code)] = np.sum(np.array(ratios) <= HEALED)
        axes = self.figure.add_subplot()
        axes.imshow(healed, cmap="cividis", vmin=0, vmax=4, aspect="auto")
        axes.set_xticks(range(len(codes)), [short(c) for c in codes], rotation=40, ha="right")
        axes.set_yticks(range(len(patients)), patients)
        axes.set_title("seeds of three on which it heals (empty: it changes nothing)")
        axes.grid(visible=False)
        for (y, x), count in np.ndenumerate(healed):
            if not np.isnan(count):
                ink = "black" if count > 1 else "white"
                axes.text(x, y, f"{count:.0f}", ha="center", va="center", color=ink, fontsize=8)
        for y, patient in enumerate(patients):
            x = codes.index(remedies[patient])
            frame = {"fill": False, "edgecolor": colors.RED, "linewidth": 1.8}
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, **frame))
        sure = [(p, code) for (p, code), ratios in table.items() if max(ratios) <= HEALED]
        own = sum(code == remedies[patient] for patient, code in sure)
        others = [f"{p}: {short(code)}" for p, code in sure if code != remedies[p]]
        return (
            f"On all three seeds the own remedy heals {own} of {len(patients)} patients. Remedies "
            f"of others: {'; '.join(others) or 'none'}."
        )


def short(code):
    """A prescription without what all have in common."""
    name, _, value = code.removeprefix("recipe | {").removesuffix("}").partition(": ")
    value = value.replace('recipe["', "").replace('"]', "")
    return value if name.strip('"') in value else f"{name}: {value}".replace('"', "")


class Letters(Note):
    """A line for each patient, and behind a button its letter. Made by `discharge` and `rounds`."""

    def __init__(self, title, summary, lines, letters):
        self.title, self.letters = title, letters
        self.summary = widgets.HTML(f"<p role='status'><b>{to_html(summary)}</b></p>")
        self.lines, self.opened, self.buttons, rows = {}, {}, {}, [self.summary]
        for name, line in lines.items():
            self.lines[name] = widgets.HTML(f"<p>{to_html(f'{name}: {line}')}</p>")
            self.opened[name] = widgets.HTML()
            self.buttons[name] = widgets.Button(description=f"Letter: {name}")
            self.buttons[name].add_class("clinic-letter")
            self.buttons[name].on_click(partial(self._turn, name))
            rows += [widgets.HBox([self.buttons[name], self.lines[name]]), self.opened[name]]
        super().__init__(rows, GREEN)
        self.add_class("clinic")

    def _turn(self, name, _):
        """Open a letter, or close it."""
        text = f"<div role='status'>{self.letters[name]}</div>"
        self.opened[name].value = "" if self.opened[name].value else text

    def static(self):
        """What the cell is for."""
        return {
            "text/html": f"<p>{html.escape(self.title)}: run this cell to hear who is healed, and "
            "to open the letters.</p>"
        }, {}

    def __repr__(self):
        return f"<letters: {self.title}>"


def treated(clinic, case, notes, code):
    """What a `Monitor` shows while a patient is trained anew: an iterator of its values by name.

    A prescription that stops is said in words, beside the patient as admitted.

    Parameters
    ----------
    clinic : Clinic
    case : Case
    notes : dict of str to (str, callable)
        By name the diagnosis and the prescription, for the code "your line".
    code : str
        "your line", or an expression with ``recipe`` in it.
    """
    beside = {"healthy": clinic.healthy(case)}
    try:
        prescribe = noted(notes, case.name)[1] if code == "your line" else prescription(code)
        for chart in clinic.treat(case, prescribe):
            yield beside | {"chart": chart, "prescribed": code}
    except Exception as error:  # noqa: BLE001 (a student's code may raise anything)
        why = f"no prescription, since {code} stopped with {type(error).__name__}: {error}"
        yield beside | {"chart": clinic.chart(case), "prescribed": why}


def discharge(clinic, letter, notes):
    """Train the patients of a ward anew, by a doctor's notes, and say who is healed.

    Parameters
    ----------
    clinic : Clinic
    letter : str
        Of the ward.
    notes : dict of str to (str, callable)
        By name the diagnosis in one's own words, and the prescription.

    Returns
    -------
    Letters
        Shown when it is a cell's last line.
    """
    lines, letters = {}, {}
    for case in in_ward(letter):
        diagnosis, prescribe = noted(notes, case.name)
        lines[case.name] = outcome(clinic, case, prescribe)
        letters[case.name] = letter_of(case, diagnosis)
    healed = sum(line.startswith("healed") for line in lines.values())
    summary = f"{WARDS[letter][0]} {healed} of {len(lines)} healed."
    return shown(Letters(f"Ward {letter}", summary, lines, letters))


def rounds(clinic, patients, notes):
    """The same for patients whom nobody has seen: a point for a diagnosis, two for a healing.

    Parameters
    ----------
    clinic : Clinic
    patients : dict of str to Stranger
    notes : dict of str to (str, callable)
        By name the diagnosis, one of DIAGNOSES, and the prescription.
    """
    lines, letters, points = {}, {}, 0
    for name, patient in patients.items():
        diagnosis, prescribe = noted(notes, name)
        check_choice(f"the diagnosis of {name}", diagnosis, ("", *DIAGNOSES))
        line, right = outcome(clinic, patient, prescribe), diagnosis == patient.diagnosis
        points += right + 2 * line.startswith("healed")
        said = f"diagnosis {'right' if right else 'wrong'}; " if diagnosis else ""
        lines[name] = said + line
        letters[name] = f"<p>It was: {html.escape(patient.diagnosis)}.{changed(patient)}</p>"
    return shown(Letters("Strangers", f"{points} of {3 * len(lines)} points.", lines, letters))


def shown(panel):
    """A panel that takes the place of what an earlier run of its cell made."""
    replace_in_cell(panel)
    return panel


def outcome(clinic, patient, prescribe):
    """What a prescription did, in words."""
    try:
        if not changes(patient, prescribe):
            return "not treated, nothing in the recipe changes."
        ratio = clinic.over_twin(patient, prescribe)
    except Exception as error:  # noqa: BLE001 (a student's code may raise anything)
        return f"the prescription stopped with `{type(error).__name__}: {error}`."
    verdict = "healed" if ratio <= HEALED else "not healed"
    return (
        f"{verdict}, the test loss is {words(ratio)} times its twin's (at most {HEALED} is healed)."
    )


def letter_of(case, diagnosis):
    """The discharge letter, as HTML."""
    signs = "".join(f"<li>{html.escape(sign)}</li>" for sign in case.signs)
    others = "".join(
        f"<li>Not to be taken for {other}: {html.escape(sign)}</li>"
        for other, sign in case.unlike.items()
    )
    yours = f"You wrote: {html.escape(diagnosis)}. " if diagnosis else ""
    return (
        f"<p>{yours}We wrote: <b>{html.escape(case.diagnosis)}</b>. Prescribed: "
        f"<code>{html.escape(case.remedy)}</code></p><ul>{signs}{others}</ul>"
        f"<p>{html.escape(case.letter)}</p>"
    )


def changed(patient):
    """By how much the number that was off was off, in words; nothing where it was no number."""
    healthy = HEALTHY[patient.kind]
    off = {k: v for k, v in patient.recipe.items() if v != healthy[k] and isinstance(v, float)}
    return "".join(
        f" {name} was {words(value)}, and should have been {words(healthy[name])}."
        for name, value in off.items()
    )
