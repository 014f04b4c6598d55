"""What the student of notebook 09 writes before ours is shown."""

from functools import cache

import numpy as np

from course_utils.experiments.training import fit
from course_utils.lab.checker import Exercise, Mistake
from course_utils.lessons.everything_interacts.experiments import (
    best_lr,
    growth,
    interaction,
    one_run,
)
from course_utils.lessons.everything_interacts.recipes import Split, instead_of_digits, small_digits
from course_utils.nn import SGD, mlp


def blocks_and_scales(rng):
    for blocks, scale in ((1, 1.0), (4, 0.5), (9, 0.3)):
        yield round(rng.uniform(0.5, 4), 1), blocks, scale


# one_run


@cache
def noise_for_digits():
    """A `Split` of 300 training, 50 validation and 50 test examples of noise."""
    rng = np.random.default_rng(0)
    return Split(
        *(
            (rng.standard_normal((m, 196)).astype(np.float32), rng.integers(0, 10, m))
            for m in (300, 50, 50)
        )
    )


def run_on_noise(answer, c, norm, lr, seed, steps):
    """The error as a list of one number: a dict with it, and nothing else, is asked for."""
    with instead_of_digits(noise_for_digits()):
        result = answer(c, norm, lr, seed, steps)
    return [result["error"]] if isinstance(result, dict) and "error" in result else result


def short_runs(rng):
    for norm, lr, steps in ((None, 0.1, 6), ("batch", 0.3, 9), ("layer", 0.2, 8), (None, 1e25, 4)):
        yield round(rng.uniform(0.6, 3), 1), norm, lr, int(rng.integers(1, 99)), steps


def run_with(
    c, norm, lr, seed, steps,
    *, widths=5 * (100,), batch=100, judged="validation", trained="train", streams=(0, 1),
    worth=0.9, told=lambda history: history.final.error,
):  # fmt: skip
    """The run with everything that can go wrong as an argument."""
    digits = small_digits()
    chance, order = (np.random.default_rng([seed, stream]) for stream in streams)
    if streams[0] == streams[1]:
        order = chance
    network = mlp([196, *widths, 10], c=c, norm=norm, rng=chance)
    judge = judged and getattr(digits, judged)
    settings = {"steps": steps, "batch_size": batch, "rng": order, "test": judge}
    history = fit(network, SGD(network, lr), *getattr(digits, trained), **settings)
    return {"error": worth if history.diverged and worth is not None else told(history)}


def untested(c, norm, lr, seed, steps):
    """The run without digits to be judged by; raises unless it diverges."""
    return run_with(c, norm, lr, seed, steps, judged=None)


def a_number_if_diverged(*case):
    """The run that returns a dict, but the bare 0.9 if it diverges."""
    found = run_with(*case, worth=-1)
    return 0.9 if found["error"] == -1 else found


# best_lr, interaction


def rows_of_a_side(rng):
    """Rates and seeds in mixed order; the mean, the luckiest run and the median disagree."""
    for rates, errors in (
        ((0.01, 0.1, 1), ((0.30, 0.31, 0.32), (0.10, 0.20, 0.21), (0.02, 0.04, 0.90))),
        ((0.3, 0.03), ((0.050, 0.041, 0.060), (0.045, 0.055, 0.044))),
        ((0.1, 0.3, 0.01), ((0.09, 0.05, 0.04), (0.03, 0.08, 0.10), (0.06, 0.06, 0.07))),
        ((3, 1), ((0.9, 0.9, 0.9), (0.05, 0.9, 0.05))),
        *(((0.02, 0.2, 2), rng.uniform(0.02, 0.2, (3, 4)).round(2).tolist()) for _ in range(3)),
    ):
        rows = [
            {"lr": lr, "seed": seed, "error": error}
            for lr, each in zip(rates, errors, strict=True)
            for seed, error in enumerate(each)
        ]
        yield (tuple(rows[i] for i in rng.permutation(len(rows))),)


def rate_by(score, pick=min):
    """The rate with the smallest score of its errors in the order of the rows."""

    def chosen(rows):
        errors = {}
        for row in rows:
            errors.setdefault(row["lr"], []).append(row["error"])
        return pick(errors, key=lambda lr: score(errors[lr]))

    return chosen


def two_by_two(rng):
    for seeds in (3, 4, 5):
        plain, normed = rng.uniform(0.02, 0.9, (2, seeds, 2)).round(2)
        yield plain, normed


def changes(plain, normed):
    return plain[:, 1] - plain[:, 0], normed[:, 1] - normed[:, 0]


def compared(mean, deviation):
    """An interaction by two functions of the two sides' changes."""
    return lambda plain, normed: tuple(f(*changes(plain, normed)) for f in (mean, deviation))


def mean_difference(p, n):
    return np.mean(n - p)


def paired(p, n):
    return np.std(n - p, ddof=1)


BLANKS = [
    Exercise(
        growth,
        blank=True,
        cases=blocks_and_scales,
        mistakes=[
            Mistake(
                lambda c, blocks, scale=1.0: (1 + scale * c / 2) ** blocks,
                "The branch is multiplied by `scale`, so its *square* by `scale**2`.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: (scale**2 * c / 2) ** blocks,
                "This is the branch alone. z itself arrives as well: add its 1.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: 1 + blocks * scale**2 * c / 2,
                "Each block starts from what the one before it has left, so the factors multiply: "
                "a power, not a sum.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: (1 + scale**2 * c / 2) * blocks,
                "Each block multiplies what the one before it has left: the factor of one, to the "
                "power `blocks`, not times it.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: 1 + (scale**2 * c / 2) ** blocks,
                "The 1, which is z itself, arrives in *every* block: it belongs inside the power.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: (1 + scale**2 * c / 2) ** (blocks / 2),
                "This is the factor of the length. The *squared* length is asked for.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: (1 + scale**2 * c) ** blocks,
                "ReLU keeps half of the square: c / 2.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: (scale**2 * (1 + c / 2)) ** blocks,
                "`scale` multiplies the branch only, not z.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: (1 + scale * np.sqrt(c / 2)) ** (2 * blocks),
                "You add the lengths. z and a branch with fresh symmetric weights are at a right "
                "angle on average, so the *squares* add up (Pythagoras).",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: (1 + 2 * scale + scale**2 * c / 2) ** blocks,
                "The middle term of the square is still there. Its mean is zero.",
            ),
            Mistake(
                lambda c, blocks, scale=1.0: (1 + c / 2) ** blocks,
                "`scale` is not used.",
            ),
        ],
        hints=[
            "One block without a scale: the square of z, plus c / 2 times it.",
            "`scale` multiplies the branch, so it enters squared.",
            "Each block multiplies: the factor of one block, to the power `blocks`.",
        ],
    ),
    Exercise(
        one_run,
        blank=True,
        run=run_on_noise,
        cases=short_runs,
        returns=("error",),
        mistakes=[
            Mistake(
                lambda *case: run_with(*case, judged="test"),
                "It is judged by the test digits. A learning rate that they have chosen is no "
                "longer tested by them: choose by the *validation* digits.",
            ),
            Mistake(
                lambda *case: run_with(*case, judged="train"),
                "It is judged by the digits it was trained on. Evaluate on the validation digits.",
            ),
            Mistake(
                lambda *case: run_with(*case, trained="validation"),
                "It is trained on the validation digits, which are there to judge it.",
            ),
            Mistake(
                lambda *case: run_with(*case, worth=None),
                "A run that diverges ends before its evaluation: then `history.final` is None. "
                "Where `history.diverged`, the error is 0.9, that of a guess.",
            ),
            Mistake(
                untested,
                "`history.final` is None, because `fit` was given nothing to evaluate on: hand it "
                "`test=validation`.",
            ),
            Mistake(
                a_number_if_diverged,
                "A diverged run gives the bare number. `sweep` wants a dict from every run: "
                '`{"error": 0.9}`.',
            ),
            Mistake(
                lambda *case: run_with(*case, worth=np.nan),
                "A diverged run gives NaN, and one NaN makes a mean over seeds NaN. It is worth "
                "a guess, 0.9.",
            ),
            Mistake(
                lambda *case: run_with(*case, worth=1.0),
                "A diverged run is worth a guess: nine of ten answers are wrong, 0.9.",
            ),
            Mistake(
                lambda *case: run_with(*case)["error"],
                'A number, where `sweep` wants a dict: `return {"error": ...}`.',
            ),
            Mistake(
                lambda *case: run_with(*case, told=lambda history: history.losses[-1]),
                "This is the last loss. The *error* is asked for, `history.final.error`.",
            ),
            Mistake(
                lambda *case: run_with(*case, streams=(0, 0)),
                "Weights and order come from one generator, so that a change of the network would "
                "change the order of the digits too. Use `[seed, 0]` and `[seed, 1]`.",
            ),
            Mistake(
                lambda *case: run_with(*case, streams=(1, 0)),
                "The generators are swapped: weights from `[seed, 0]`, order from `[seed, 1]`.",
            ),
            Mistake(
                lambda c, norm, lr, seed, steps: run_with(c, None, lr, seed, steps),
                "`norm` does not reach the network: `mlp(..., norm=norm)`.",
            ),
            Mistake(
                lambda c, norm, lr, seed, steps: run_with(2.0, norm, lr, seed, steps),
                "`c` does not reach the network: `mlp(..., c=c)`.",
            ),
            Mistake(
                lambda c, norm, lr, seed, steps: run_with(c, norm, lr, seed, 550),
                "It trains 550 steps, whatever `steps` is: hand `fit` the argument, `steps=steps`.",
            ),
            Mistake(
                lambda *case: run_with(*case, widths=4 * (100,)),
                "The network has four hidden layers, and should have five.",
            ),
        ],
        hints=[
            "`train, validation, test = small_digits()`, each a pair of images and labels.",
            (
                "`history = fit(network, SGD(network, lr), *train, steps=steps, batch_size=100, "
                "rng=np.random.default_rng([seed, 1]), test=validation)`."
            ),
            '`return {"error": 0.9 if history.diverged else history.final.error}`.',
        ],
    ),
    Exercise(
        best_lr,
        blank=True,
        cases=rows_of_a_side,
        mistakes=[
            *[
                Mistake(
                    wrong,
                    "This is the rate of the luckiest run. One seed is luck; take the *mean* over "
                    "the seeds first, then the smallest.",
                )
                for wrong in (
                    rate_by(min),
                    lambda rows: min(rows, key=lambda row: row["error"])["lr"],
                )
            ],
            Mistake(
                rate_by(np.median),
                "The median does not see a run that diverges, as long as most do not. A fair "
                "judge counts it: take the mean.",
            ),
            Mistake(
                rate_by(max),
                "This is the rate whose *worst* run is best. Asked for is the smallest mean.",
            ),
            Mistake(
                rate_by(np.mean, max),
                "The largest error, where the smallest is wanted.",
            ),
            Mistake(
                rate_by(lambda errors: errors[-1]),
                "Only the last seed of each rate is left: `errors[lr] = ...` overwrites. Collect "
                "the errors in a list.",
            ),
            Mistake(
                lambda rows: min(
                    np.mean([row["error"] for row in rows if row["lr"] == lr])
                    for lr in {row["lr"] for row in rows}
                ),
                "This is the smallest mean error. Asked for is the *rate* that has it.",
            ),
        ],
        hints=[
            "Collect the errors by rate: a dict of lr to a list.",
            "`min(errors, key=lambda lr: np.mean(errors[lr]))` is the rate itself.",
        ],
    ),
    Exercise(
        interaction,
        blank=True,
        cases=two_by_two,
        returns=("mean", "deviation"),
        mistakes=[
            Mistake(
                compared(lambda p, n: np.mean(p - n), paired),
                "The sign: it is the normalized side's change *less* the plain side's.",
            ),
            Mistake(
                compared(mean_difference, lambda p, n: np.std(n - p)),
                "The deviation is that of the numbers you have, too small on average by the root "
                "of (n - 1) / n: `std(ddof=1)`.",
            ),
            Mistake(
                compared(
                    mean_difference,
                    lambda p, n: np.sqrt(np.var(n, ddof=1) + np.var(p, ddof=1)),
                ),
                "You add the two sides' variances, as if their seeds had nothing in common. Both "
                "sides have the same seeds: subtract seed by seed first, then take the deviation.",
            ),
            Mistake(
                compared(mean_difference, lambda p, n: np.std(n - p, ddof=1) / np.sqrt(len(p))),
                "This is the standard error of the mean. Asked for is the deviation over seeds.",
            ),
            Mistake(
                compared(mean_difference, lambda p, n: np.var(n - p, ddof=1)),
                "This is the variance; the deviation is its root.",
            ),
            Mistake(
                compared(lambda p, n: np.mean(n), lambda p, n: np.std(n, ddof=1)),
                "This is the change of the normalized side alone. What is asked is by how much it "
                "differs from the change of the plain side.",
            ),
            Mistake(
                compared(lambda p, n: np.mean(n + p), lambda p, n: np.std(n + p, ddof=1)),
                "You add the two changes. Where both sides change alike nothing should be left.",
            ),
            Mistake(
                lambda plain, normed: (
                    np.mean(normed[:, 1] - plain[:, 1]),
                    np.std(normed[:, 1] - plain[:, 1], ddof=1),
                ),
                "These are the two sides at the second setting: one difference. Subtract that at "
                "the first setting.",
            ),
            Mistake(
                compared(lambda p, n: np.mean(np.abs(n) - np.abs(p)), paired),
                "The sizes of the changes lose their signs: one side may gain where the other "
                "loses.",
            ),
            Mistake(
                compared(lambda p, n: n - p, paired),
                "One difference a seed. Asked for are their mean and their deviation.",
            ),
        ],
        hints=[
            "The change of one side, seed by seed: `plain[:, 1] - plain[:, 0]`.",
            "Subtract the plain side's change from the normalized side's, still seed by seed.",
            "Then `differences.mean(), differences.std(ddof=1)`.",
        ],
    ),
]
