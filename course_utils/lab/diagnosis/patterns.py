"""What a student's results have in common with the right ones, as they stand.

Each function takes a `View` and returns a sentence that is true on every input of the exercise, or
None. Those of `SHAPES` look at results that need not have the right shape, those of `NUMBERS` at
arrays of it.
"""

import numpy as np

from course_utils.lab.wording import numbers, show


def another_order(view):
    """The results are right, in another order."""
    count = len(view.right[0]) if isinstance(view.right[0], tuple) else 0
    if not count or any(len(given) != count for given in view.given):
        return None
    places = [
        [j for j in range(count) if view.all_agree(lambda g: g[j], lambda r: r[i])]
        for i in range(count)
    ]
    if _can_all_be_placed(places):
        return "All results are right, but not in the order that is asked for."
    return None


def _can_all_be_placed(places, taken=frozenset()):
    """Whether each can have one of its places, no two the same one."""
    return not places or any(
        _can_all_be_placed(places[1:], taken | {place}) for place in places[0] if place not in taken
    )


def one_of_several(view):
    """More is returned than was asked for, or less."""
    for i in range(3):
        if view.all_agree(lambda given: given[i], only=tuple):
            return f"Item {i} of what you return is right: return it alone."
    for i, name in enumerate(view.returns):
        if view.all_agree(target=lambda right: right[i]):
            return f"What you return is `{name}`, and right. The others are to be returned with it."
    return None


REDUCTIONS = {"added up": np.sum, "averaged": np.mean}


def floats(value):
    """An array of floats; a TypeError for what would lose something, as complex numbers do."""
    return np.asarray(value).astype(float, casting="same_kind")


def reduced(view):
    """A sum or a mean is missing, or one is too much."""
    for word, reduce in REDUCTIONS.items():
        for axis, place in ((None, "in full"), (0, "down each column"), (1, "along each row")):
            if view.all_agree(lambda given: reduce(floats(given), axis=axis)):
                return f"{word.capitalize()} {place}, yours is right: that is still to be done."
            if view.all_agree(target=lambda right: reduce(floats(right), axis=axis)):
                return f"Yours is the right result {word} {place}: that is too much."
    return None


def transposed(view):
    """Rows and columns are exchanged."""
    if view.all_agree(lambda given: np.asarray(given).T) and np.ndim(view.right[0]) > 1:
        return "Yours is the transpose of the right one: rows and columns are exchanged."
    return None


def other_shape(view):
    """The numbers are right, the shape is not."""
    if view.all_agree(lambda given: np.reshape(given, np.shape(view.right[view.number]))):
        right, given = np.shape(view.right[0]), np.shape(view.given[0])
        return f"The numbers are right. Their shape is {given}, where {right} is asked for."
    return None


SHAPES = (another_order, one_of_several, other_shape, reduced, transposed)


def whole_numbers(view):
    """Integers where decimals are needed."""
    results = list(zip(view.given, view.right))
    if all(
        isinstance(given, np.ndarray)
        and np.issubdtype(given.dtype, np.integer)
        and not np.array_equal(right, np.round(right))
        for given, right in results
    ):
        return (
            "Your array holds whole numbers only: its dtype is `int`, and what is written into it "
            "is cut off at the point. Make it one of floats."
        )
    return None


def constant(view):
    """The same, whatever the input."""
    first = view.m[0]
    if len(view.m) < 2 or any(m.shape != first.shape or np.any(m != first) for m in view.m):
        return None
    value = show(view.given[0]) if first.size < 5 else "the same"
    return f"{view.what} is {value} for every input."


def an_argument(view):
    """An argument, as it came."""
    for i, name in enumerate(view.names):
        if all(np.array_equal(m, np.asarray(c[i])) for m, c in zip(view.m, view.cases)):
            return f"Yours is `{name}` as it was handed in."
    return None


def sign(view):
    """Minus the right result, or right but for the sign of some entries."""
    if view.all_agree(lambda given: -np.asarray(given)):
        return "Only the sign is wrong, in every entry."
    both = zip(view.right, view.given)
    if all(view.agree(np.abs(r), np.abs(np.asarray(g))) for r, g in both):
        return "Only the sign is wrong, in some entries."
    return None


KNOWN = {
    "the root of 2": 2**0.5, "1 / the root of 2": 0.5**0.5, "pi": np.pi, "1 / pi": 1 / np.pi,
    "2 pi": 2 * np.pi, "1 / (2 pi)": 0.5 / np.pi, "the root of 2 pi": (2 * np.pi) ** 0.5,
    "1 / the root of 2 pi": (2 * np.pi) ** -0.5,
}  # fmt: skip


def named(values, view):
    """What a number, one a case, is in terms of the arguments; None where no one can say."""
    if np.allclose(values, values[0], rtol=1e-6):
        known = (name for name, number in KNOWN.items() if np.isclose(values[0], number, 1e-6))
        return next(known, show(float(values[0])))
    for name, quantity in view.quantities():
        if np.allclose(values, quantity, rtol=1e-6):
            return name
    return None


def factor(view):
    """A constant factor, or one that is made of an argument."""
    factors = []
    for r, m in zip(view.r, view.m):
        ratios = (m / r)[np.abs(r) > 1e-12]
        if not ratios.size or not np.allclose(ratios, ratios[0], rtol=1e-6) or not ratios[0]:
            return None
        if not view.agree(r * ratios[0], m):
            return None
        factors.append(ratios[0])
    if np.allclose(factors, -1) or np.allclose(factors, 1, atol=0.005):
        return None
    if len(factors) > 1 and (words := named(np.array(factors), view)):
        return f"On every input, it is {words} times what it should be."
    return None


def direction(view):
    """Off by a factor that is another one on each input."""
    ratios = [(m / r)[np.abs(r) > 1e-12] for r, m in view.pairs]
    if all(each.size > 1 and np.allclose(each, each[0], rtol=1e-6) for each in ratios) and all(
        view.agree(r * each[0], m) for each, (r, m) in zip(ratios, view.pairs)
    ):
        return "On each input all entries are off by the same factor, but by another one on each."
    return None


def offset(view):
    """Always the same too much, or something that is made of an argument."""
    offsets = []
    for r, m in zip(view.r, view.m):
        d = (m - r).ravel()
        if not np.allclose(d, d[0], rtol=1e-6, atol=1e-9 * np.abs(r).max(initial=1)):
            return None
        offsets.append(d[0])
    if len(offsets) < 2 or np.min(np.abs(offsets)) < 1e-9:
        return None
    words = named(np.abs(offsets), view)
    if words and len(set(np.sign(offsets))) == 1:
        return f"On every input, it is {words} too {'large' if offsets[0] > 0 else 'small'}."
    return None


def times_an_argument(view):
    """Entry by entry, an argument is multiplied or divided by once too often."""
    for i, name in enumerate(view.names):
        cases = [numbers(case[i]) for case in view.cases]
        if any(a is None or not a.ndim or not np.all(a) for a in cases):
            continue
        for word, operation in (("times", np.multiply), ("divided by", np.divide)):
            if all(view.agree(operation(r, a), m) for a, (r, m) in zip(cases, view.pairs)):
                return f"Yours is the right one {word} `{name}`."
    return None


def plus_an_argument(view):
    """A multiple of an argument is too much, or missing."""
    for i, name in enumerate(view.names):
        counts = []
        for r, m, case in zip(view.r, view.m, view.cases):
            a = case[i]
            if not isinstance(a, np.ndarray) or a.shape != r.shape or a.size < 2:
                break
            ratios = ((m - r) / a)[np.abs(a) > 1e-9]
            if not ratios.size or not ratios[0] or not view.agree(r + ratios[0] * a, m):
                break
            counts.append(ratios[0])
        if len(counts) < len(view.r) or len(set(np.sign(counts))) > 1:
            continue
        if words := named(np.abs(counts), view):
            much = f"`{name}`" if words == "1" else f"{words} times `{name}`"
            return f"On every input, {much} is {'too much' if counts[0] > 0 else 'missing'}."
    return None


def step(view):
    """The way from an argument to the result, in an update, is a multiple of the right one."""
    for i, name in enumerate(view.names):
        factors = []
        for r, m, case in zip(view.r, view.m, view.cases):
            start = case[i]
            if not isinstance(start, np.ndarray) or start.shape != r.shape or start.size < 2:
                break
            way = r - start
            ratios = ((m - start) / way)[np.abs(way) > 1e-9]
            if not ratios.size or not ratios[0] or not view.agree(start + ratios[0] * way, m):
                break
            factors.append(ratios[0])
        if len(factors) < len(view.r):
            continue
        if np.allclose(factors, -1):
            return f"From `{name}` yours goes exactly as far as the right one, the other way."
        if min(factors) > 0 and (words := named(np.array(factors), view)):
            return f"From `{name}` yours goes the right way, but {words} times as far as it should."
    return None


POWERS = {
    -1: "one over the right one", 2: "the square of the right one", 0.5: "the root of the right one",
    -2: "one over the square of the right one", -0.5: "one over the root of the right one",
}  # fmt: skip


def power(view):
    """A power of the right result."""
    for exponent, words in POWERS.items():
        if view.all_agree(target=lambda right: np.asarray(right, float) ** exponent):
            return f"Yours is {words}."
    if view.all_agree(target=lambda right: 1 - np.asarray(right)):
        return "Yours is one minus the right one."
    return None


ROUNDED = {"down": np.floor, "up": np.ceil, "to whole numbers": np.round}


def rounded(view):
    """The right result, made whole."""
    for words, whole in ROUNDED.items():
        if view.all_agree(target=lambda right: whole(np.asarray(right, float))):
            return f"Yours is the right one rounded {words}. Is there a `//`, `int` or `round`?"
    return None


def bounded(view):
    """The right result, but for a bound that it may not pass."""
    r, m = (np.concatenate([np.ravel(each) for each in side]) for side in (view.r, view.m))
    right = np.concatenate([np.ravel(view.entries_agree(*pair)) for pair in view.pairs])
    bounds = m[~right]
    if not right.any() or np.ptp(bounds) > 1e-9 or np.ptp(m) < 1e-9:
        return None
    bound = bounds[0]
    if len(bounds) < 2 and abs(bound - np.round(bound)) > 1e-9:
        return None  # one number lies beyond the others by chance
    for words, clipped in (("more", np.minimum(r, bound)), ("less", np.maximum(r, bound))):
        if view.entries_agree(clipped, m).all():
            return f"Yours is the right one, but never {words} than {show(float(bound))}."
    return None


def shuffled(view):
    """The right numbers at other places."""
    arrays = list(zip(view.r, view.m))
    if all(r.size > 1 for r, _ in arrays) and all(
        view.agree(np.sort(r, axis=None), np.sort(m, axis=None)) for r, m in arrays
    ):
        return "All the right numbers are there, but not in their places."
    return None


def some_entries(view):
    """Right in the first or the last row or column, or where an argument has one sign."""
    right = [view.entries_agree(r, m) for r, m in zip(view.r, view.m)]
    if any(each.all() or not each.any() for each in right):
        return None
    for name, i in (("first", 0), ("last", -1)):
        for axis, line in ((0, "row" if right[0].ndim == 2 else "entry"), (1, "column")):
            if all(_only(each, i, axis) for each in right):
                return f"The {name} {line} is right, and no other."
    for i, name in enumerate(view.names):
        for word, test in (("positive", np.greater), ("negative", np.less)):
            if all(
                np.shape(c[i]) == each.shape and np.array_equal(each, test(c[i], 0))
                for each, c in zip(right, view.cases)
            ):
                return f"It is right where `{name}` is {word}, and nowhere else."
    return None


def _only(right, i, axis):
    """Whether one line of an array, which has others, is what is right."""
    if right.ndim <= axis or right.shape[axis] < 2:
        return False
    rest = np.delete(right, i, axis)
    return bool(right.take(i, axis).all() and not rest.any())


def near(view):
    """Right to some digits, or to some decimals, on every input."""
    errors = [np.abs(m - r).max(initial=0) for r, m in view.pairs]
    sizes = [np.abs(r).max(initial=0) for r in view.r]
    question = "Is there a rounding, an approximation, too few steps, or a small number too much?"
    if not min(sizes):
        return None
    relative = max(np.divide(errors, sizes))
    if relative < 0.005:
        digits = int(-np.log10(relative))
        return f"It agrees with the right one to about {digits} digits on every input. {question}"
    if max(errors) < 0.005 < max(sizes):
        return f"On no input is it off by more than {show(float(max(errors)))}. {question}"
    return None


FIRST = (
    whole_numbers, constant, an_argument, sign, factor, times_an_argument, step, plus_an_argument,
    offset, power, rounded, bounded,
)  # fmt: skip
LAST = (direction, near, shuffled, some_entries)
