"""What the student of notebook 01 writes before ours is shown."""

import numpy as np

from course_utils.lab.checker import Exercise, Mistake
from course_utils.nn import (
    SGD,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    softmax,
    softmax_cross_entropy,
)


def linear_backward(grad_y, x, W):
    """The gradients of x, W and b, in this order."""
    # Shapes: (m × n') (n' × n), then (n × m) (m × n'), then a sum over the m examples.
    grad_x = grad_y @ W.T
    grad_W = x.T @ grad_y
    grad_b = grad_y.sum(axis=0)
    return grad_x, grad_W, grad_b


def linear_batches(rng):
    # A square W first: a product that should be transposed gives numbers there, and no exception.
    for m, n_in, n_out in [(2, 3, 3), (4, 2, 3), (3, 4, 2), (1, 2, 4)]:
        shapes = [(m, n_out), (m, n_in), (n_in, n_out)]
        yield tuple(rng.standard_normal(shape).round(1) for shape in shapes)


def instead(**items):
    """The mistake of some wrong items: ``x``, ``W`` or ``b``, made from the arguments."""

    def mistake(grad_y, x, W):
        right = dict(zip("xWb", linear_backward(grad_y, x, W), strict=True))
        return tuple((right | {k: f(grad_y, x, W) for k, f in items.items()}).values())

    return mistake


def relu_backward(grad_y, y):
    """The gradient of x, where y = max(x, 0)."""
    # An open gate where x went through, a closed one where y was held at 0.
    return grad_y * (y > 0)


def rectified_batches(rng):
    for shape in [(3, 2), (2, 4), (1, 5)]:
        y = np.maximum(rng.standard_normal(shape), 0).round(1)
        grad_y = rng.standard_normal(shape).round(1)
        y[0, :2], grad_y[0, 1] = [0, 1.7], -0.6
        y[-1, -1], grad_y[-1, -1] = 0.4, 0.8  # an open gate passes any sign
        yield grad_y, y


def cross_entropy_gradient(logits, labels):
    """The gradient of the mean cross entropy with respect to the logits."""
    # What the network said, minus what it should have said, over m.
    grad = softmax(logits)
    grad[np.arange(len(labels)), labels] -= 1
    return grad / len(labels)


def logits_and_labels(rng):
    for m, classes in [(3, 4), (2, 3), (1, 3), (4, 2)]:
        yield rng.standard_normal((m, classes)).round(1), rng.integers(0, classes, m)
    yield np.array([[1000.0, 999.0, 998.0], [-3.0, -1.0, 2.0]]), np.array([1, 0])


def one_hot(logits, labels):
    return np.eye(logits.shape[1])[labels]


def said_minus_truth(q, logits, labels):
    return (q - one_hot(logits, labels)) / len(labels)


def bare_softmax(logits, labels):
    exp = np.exp(logits)
    return said_minus_truth(exp / exp.sum(axis=1, keepdims=True), logits, labels)


def over_all(shift):
    """The mistake of one sum for the whole batch, with logits that are shifted or not."""

    def mistake(logits, labels):
        exp = np.exp(logits - shift * logits.max())
        return said_minus_truth(exp / exp.sum(), logits, labels)

    return mistake


def whole_rows(logits, labels):
    q = softmax(logits)
    q[labels] -= 1
    return q / len(labels)


def whole_columns(logits, labels):
    q = softmax(logits)
    q[:, labels] -= 1
    return q / len(labels)


def backward_through(layers, grad_y):
    """Send grad_y back through all layers and return the gradient of the first one's input."""
    # What a layer returns is what the one before it is told.
    for layer in reversed(layers):
        grad_y = layer.backward(grad_y)
    return grad_y


def go_back(answer, x, grad_y):
    """Apply an answer to three layers that have just seen x: its result, and what is in grads."""
    rng = np.random.default_rng(len(x))
    sizes = [(x.shape[1], 3), (3, grad_y.shape[1])]
    first, last = (Linear(*size, c=1.0, rng=rng, dtype=np.float64) for size in sizes)
    layers = [first, Tanh(), last]
    Sequential(layers).forward(x)
    grad_x = answer(kept := list(layers), grad_y)
    if kept != layers:
        grad_x = "the list has changed" if len(kept) == len(layers) else "layers are gone"
    return with_what_it_did(grad_x, first.grads["W"], last.grads["W"])


def with_what_it_did(result, *effects):
    """A result, and what came of the call beside it; `...` alone where nothing was written."""
    return ... if result is ... else ("nothing" if result is None else result, *effects)


def passes(rng):
    for m, n_in, n_out in [(2, 3, 3), (4, 3, 3), (3, 2, 4)]:
        yield rng.standard_normal((m, n_in)).round(1), rng.standard_normal((m, n_out)).round(1)


def from_the_front(layers, grad_y):
    for layer in layers:
        grad_y = layer.backward(grad_y)
    return grad_y


def the_same_for_all(layers, grad_y):
    for layer in reversed(layers):
        grad = layer.backward(grad_y)
    return grad


def only_the_last(layers, grad_y):
    return layers[-1].backward(grad_y)


def turned_round(layers, grad_y):
    layers.reverse()
    return from_the_front(layers, grad_y)


def taken_out(layers, grad_y):
    while layers:
        grad_y = layers.pop().backward(grad_y)
    return grad_y


def all_but_the_first(layers, grad_y):
    return backward_through(layers[1:], grad_y)


def returns_nothing(layers, grad_y):
    backward_through(layers, grad_y)


def sgd_step(params, grads, lr):
    """Move every parameter one step downhill, in place."""
    for key in params:
        # In place: the layer holds this array too.
        param = params[key]
        param -= lr * grads[key]


def take_step(answer, W, b, grad_W, grad_b, lr):
    """Apply an answer to a layer with these parameters and gradients; what they are then.

    Where nothing has moved, what is returned counts: somebody may hand back new parameters. In
    some layers the bias comes first.
    """
    layer = Linear(*W.shape, dtype=np.float64)
    order = "bW" if len(W) == 3 else "Wb"
    layer.params = {name: {"W": W, "b": b}[name].copy() for name in order}
    layer.grads = {name: {"W": grad_W, "b": grad_b}[name].copy() for name in order}
    network = Sequential([layer])
    result = answer(network.params, network.grads, lr)
    after = layer.params["W"], layer.params["b"]
    if any(not np.array_equal(layer.grads[name], g) for name, g in (("W", grad_W), ("b", grad_b))):
        return "other gradients"
    still = np.array_equal(after[0], W) and np.array_equal(after[1], b)
    if still and isinstance(result, dict) and result:
        return "a dictionary of new parameters"
    return result if still and result is not None else after


def parameters_and_gradients(rng):
    for shape, lr in [((2, 3), 0.1), ((3, 2), 0.35), ((1, 4), 1.7)]:
        W, b = rng.standard_normal(shape).round(1), rng.standard_normal(shape[1]).round(1)
        grad_W, grad_b = (rng.standard_normal(array.shape).round(1) for array in (W, b))
        yield W, b, grad_W, grad_b, lr


def each(move, stop=False):
    """The mistake of moving each parameter otherwise, or of stopping at the first one."""

    def mistake(params, grads, lr):
        for key in params:
            params[key][...] = move(params[key], grads[key], lr)
            if stop:
                break

    return mistake


def weights_alone(params, grads, lr):
    for key in params:
        if key.endswith("W"):
            params[key] -= lr * grads[key]


def gradients_moved(params, grads, lr):
    for key in params:
        grads[key] -= lr * params[key]


def under_a_new_name(params, grads, lr):
    for key in params:
        param = params[key]
        param = param - lr * grads[key]


def train(network, optimizer, batches, loss_and_grad):
    """Take one step on each batch, and return the list of losses before the steps."""
    losses = []
    for x, labels in batches:
        # Forward, loss, backward, and a step once the gradients belong to this batch.
        loss, grad = loss_and_grad(network.forward(x), labels)
        network.backward(grad)
        optimizer.step()
        losses.append(loss)
    return losses


def train_small(answer, lr, batches):
    """Apply an answer to a small network; what it returns, and what the network holds then.

    The batches come as an iterator, as from `minibatches`: they can be gone through once. The loss
    is none that a notebook's own function computes.
    """
    rng = np.random.default_rng(1)
    layers = [
        Linear(2, 3, rng=rng, dtype=np.float64),
        ReLU(),
        Linear(3, 2, rng=rng, dtype=np.float64),
    ]
    network = Sequential(layers)
    losses = answer(network, SGD(network, lr), iter(batches), twice_the_cross_entropy)
    found = network.params["0.W"], network.params["2.W"], network.grads["2.W"]
    return with_what_it_did(losses, *found)


def twice_the_cross_entropy(logits, labels):
    loss, grad = softmax_cross_entropy(logits, labels)
    return 2 * loss, 2 * grad


def small_batches(rng):
    for lr, count in [(0.3, 3), (0.7, 4), (0.2, 2)]:
        sizes = rng.integers(2, 5, count)
        yield lr, [(rng.standard_normal((m, 2)).round(1), rng.integers(0, 2, m)) for m in sizes]


def loop(order="flbs", give=lambda losses: losses):
    """A training loop with its parts in another order, or without some, or with another result.

    f, l, b, s: forward, loss, backward, step; each batch goes through all of them.
    """

    def mistake(network, optimizer, batches, loss_and_grad):
        losses = []
        for x, labels in batches:
            for part in order:
                if part == "f":
                    output = network.forward(x)
                elif part == "l":
                    loss, grad = loss_and_grad(output, labels)
                elif part == "b":
                    network.backward(grad)
                else:
                    optimizer.step()
            losses.append(loss)
        return give(losses)

    return mistake


def one_step_at_the_end(network, optimizer, batches, loss_and_grad):
    losses = loop("flb")(network, optimizer, batches, loss_and_grad)
    optimizer.step()
    return losses


def first_batch_only(network, optimizer, batches, loss_and_grad):
    return train(network, optimizer, [next(batches)], loss_and_grad)


def with_a_loss_of_its_own(network, optimizer, batches, loss_and_grad):
    return train(network, optimizer, batches, softmax_cross_entropy)


BLANKS = [
    Exercise(
        linear_backward,
        cases=linear_batches,
        returns=("grad_x", "grad_W", "grad_b"),
        blank=True,
        mistakes=[
            Mistake(
                instead(b=lambda g, x, W: g),
                "`grad_b` has a row for each example. One bias serves them all, so add up over the "
                "examples: a gradient has the shape of its parameter.",
            ),
            Mistake(
                instead(b=lambda g, x, W: g.sum(axis=1)),
                "`grad_b` adds along the rows, over the features. Examples are rows, so the sum "
                "over examples runs down the columns: `axis=0`.",
            ),
            Mistake(
                instead(b=lambda g, x, W: g.sum()),
                "`grad_b` is one number. There are n' biases, and each gets the sum of its own "
                "column: say along which axis you add.",
            ),
            Mistake(
                instead(b=lambda g, x, W: g.sum(axis=0, keepdims=True)),
                "`grad_b` has the right numbers in a matrix of one row. b has the shape (n',), and "
                "so has its gradient: leave out `keepdims`.",
            ),
            Mistake(
                instead(b=lambda g, x, W: g.mean(axis=0)),
                "`grad_b` is an average over the examples. Effects add up, also those of one bias "
                "on many examples; the loss has its 1/m already, in `grad_y`.",
            ),
            Mistake(
                instead(W=lambda g, x, W: x.T @ g / len(x)),
                "`grad_W` is an average over the examples. Effects add up, also those of one "
                "weight on many examples; the loss has its 1/m already, in `grad_y`.",
            ),
            Mistake(
                instead(W=lambda g, x, W: x.T @ g / len(x), b=lambda g, x, W: g.mean(axis=0)),
                "You average over the examples. Their effects add up; the loss has its 1/m "
                "already, in `grad_y`.",
            ),
            Mistake(
                instead(b=lambda g, x, W: np.full(g.shape[1], float(len(g)))),
                "`grad_b` does not use `grad_y`. It says how far the outputs move with the bias; "
                "how the loss moves with the outputs is missing.",
            ),
            Mistake(
                instead(W=lambda g, x, W: g.T @ x),
                "`grad_W` is the transpose of the right one: a gradient has the shape of its "
                "parameter, here (n, n'). Change the order of the two factors.",
            ),
            Mistake(
                instead(W=lambda g, x, W: g @ x.T),
                "`grad_W` takes `grad_y @ x.T`, which sums over features. The sum over the "
                "examples k needs m in the middle: (n × m)(m × n').",
            ),
            Mistake(
                instead(x=lambda g, x, W: g @ W),
                "`grad_x` takes `grad_y @ W`, whose shapes fit only by chance. x reaches output s "
                "through column s of W, so the sum over s runs along the rows of W: transpose it.",
            ),
            Mistake(
                lambda grad_y, x, W: (grad_y * W.T,),
                "The star multiplies entry by entry. A sum of products is a matrix product: `@`.",
            ),
            Mistake(
                lambda grad_y, x, W: (
                    x.T @ grad_y,
                    grad_y.sum(axis=0),
                    grad_y @ W.T,
                ),
                "All three are right, in another order: first the input's, then W's, then b's.",
            ),
            Mistake(
                lambda grad_y, x, W: (x.T @ grad_y, grad_y.sum(axis=0)),
                "The gradient of the input is missing: without it the layer before would be told "
                "nothing. It comes first.",
            ),
        ],
        hints=[
            (
                "Write each as a sum. W_rs touches y_ks in every example k, times x_kr; b_s too, "
                "times 1; x_kr touches y_ks for every s, times W_rs."
            ),
            (
                "A sum over k of x_kr δ_ks joins the rows of two matrices, and a product joins a "
                "row with a column: transpose the first. Let the shapes tell you the order."
            ),
            "`grad_y @ W.T`, `x.T @ grad_y` and `grad_y.sum(axis=0)`.",
        ],
    ),
    Exercise(
        relu_backward,
        cases=rectified_batches,
        blank=True,
        mistakes=[
            Mistake(
                lambda grad_y, y: grad_y * y,
                "You multiply by y itself. Where x was positive, y moves exactly as far as x does: "
                "the factor is 1, however large y is.",
            ),
            Mistake(
                lambda grad_y, y: np.maximum(grad_y, 0),
                "You cut off the negative gradients. A gradient may have any sign; whether it "
                "passes depends on what went forward, on `y`.",
            ),
            Mistake(
                lambda grad_y, y: grad_y * ((grad_y > 0) & (y > 0)),
                "The gate is right, but you let only positive gradients through it as well. A "
                "gradient may have any sign.",
            ),
            Mistake(
                lambda grad_y, y: y * (grad_y > 0),
                "`grad_y` and `y` have changed places: y decides where the gate is open, and the "
                "gradient passes through it.",
            ),
            Mistake(
                lambda grad_y, y: np.where(y > 0, grad_y, 0.01 * grad_y),
                "This is a leaky ReLU's gate. Where x was negative, y stays at 0 whatever x does: "
                "nothing passes.",
            ),
            Mistake(
                lambda grad_y, y: (y > 0) * 1.0,
                "This is how y changes with x. The chain rule multiplies it by how the loss "
                "changes with y: `grad_y`.",
            ),
            Mistake(
                lambda grad_y, y: grad_y,
                "Everything passes, also where x was negative. There y is exactly 0, so `y > 0` is "
                "false; `y >= 0` is always true.",
            ),
            Mistake(
                lambda grad_y, y: grad_y * (y <= 0),
                "The gate is turned around: it is open where y is 0, and closed where x went "
                "through.",
            ),
        ],
        hints=[
            "Each output depends on its own input only: no sum, a product entry by entry.",
            (
                "Where x > 0, y = x: both move alike. Where x < 0, y stays at 0 whatever x does. "
                "How can you tell the two from y?"
            ),
            "`y > 0` is True or False, and counts as 1 or 0 in a product.",
        ],
    ),
    Exercise(
        cross_entropy_gradient,
        cases=logits_and_labels,
        blank=True,
        mistakes=[
            Mistake(
                lambda logits, labels: softmax(logits) - one_hot(logits, labels),
                "Right for each example; but the loss is the mean over m of them, so each has a "
                "share of 1/m.",
            ),
            Mistake(
                lambda logits, labels: -said_minus_truth(softmax(logits), logits, labels),
                "The sign is wrong: raising the true logit must lower the loss, so its gradient is "
                "negative.",
            ),
            Mistake(
                lambda logits, labels: softmax(logits) / len(labels),
                "You have the derivative of the logarithm of the sum. The second term of the loss, "
                "minus the true logit, has one too: -1, at the true label only.",
            ),
            Mistake(
                lambda logits, labels: softmax(logits) - one_hot(logits, labels) / len(labels),
                "Only one of the two terms is divided by m. Brackets: the mean is over both.",
            ),
            Mistake(
                lambda logits, labels: softmax(logits) / len(labels) - one_hot(logits, labels),
                "Only one of the two terms is divided by m. The mean is over both: subtract 1/m, "
                "or divide at the end.",
            ),
            Mistake(
                lambda logits, labels: (
                    said_minus_truth(softmax(logits), logits, labels)
                    * len(labels)
                    / logits.shape[1]
                ),
                "You divide by the number of classes. The mean is over the m examples, the rows.",
            ),
            Mistake(
                lambda logits, labels: said_minus_truth(softmax(logits.T).T, logits, labels),
                "Your softmax adds down the columns. The probabilities of one example add up to "
                "one: along the row, `axis=1, keepdims=True`.",
            ),
            *[
                Mistake(
                    wrong,
                    "Your softmax adds over the whole batch. Each example has its own "
                    "probabilities, which add up to one: `axis=1, keepdims=True`.",
                )
                for wrong in (over_all(shift=0), over_all(shift=1))
            ],
            Mistake(
                lambda logits, labels: (softmax(logits) - 1) / len(labels),
                "You subtract 1 from every probability. The term -u_t holds the true logit alone: "
                "subtract at `q[np.arange(len(labels)), labels]` only.",
            ),
            Mistake(
                bare_softmax,
                "Right, until a logit is large: e^1000 is too large for a float. Subtract each "
                "row's largest logit first, as `softmax` does.",
            ),
            Mistake(
                whole_rows,
                "`q[labels]` picks whole rows, those with the labels' numbers. One entry of each "
                "row is wanted: `q[np.arange(len(labels)), labels]`.",
            ),
            Mistake(
                whole_columns,
                "`q[:, labels]` picks the labels' columns in every row, those of other examples "
                "too. One entry of each row is wanted: `q[np.arange(len(labels)), labels]`.",
            ),
            Mistake(
                lambda logits, labels: -one_hot(logits, labels) / softmax(logits) / len(labels),
                "This is how the loss changes with the probabilities. With respect to the logits "
                "softmax must be crossed too; the form with the logarithm of the sum spares you "
                "that.",
            ),
            Mistake(
                lambda logits, labels: (
                    one_hot(logits, labels) * said_minus_truth(softmax(logits), logits, labels)
                ),
                "Right for the true labels, and zero elsewhere. A wrong logit matters too: raising "
                "it raises the sum, and so the loss.",
            ),
        ],
        hints=[
            (
                "Take one example. The derivative of ln Σ e^u with respect to u_s is e^(u_s) over "
                "the sum: you know that number."
            ),
            "The term -u_t has derivative -1 if s is the true label t, else 0.",
            (
                "`q = softmax(logits)`; subtract 1 at `q[np.arange(m), labels]`; divide everything "
                "by `m = len(labels)`."
            ),
        ],
    ),
    Exercise(
        backward_through,
        cases=passes,
        run=go_back,
        returns=("grad_x", "the first layer's grads", "the last layer's grads"),
        blank=True,
        mistakes=[
            Mistake(
                from_the_front,
                "You start with the first layer. `grad_y` belongs to the output of the last one: "
                "go through the layers in reverse.",
            ),
            Mistake(
                the_same_for_all,
                "Every layer gets the same gradient. Each must be told how the loss changes with "
                "its own output: that is what the layer behind it returned.",
            ),
            Mistake(
                only_the_last,
                "Only the last layer is asked. Does a `return` stand inside the loop?",
            ),
            Mistake(
                turned_round,
                "`layers.reverse()` turns the network itself around, and the next forward pass "
                "will go through it backward. `reversed(layers)` leaves the list as it is.",
            ),
            Mistake(
                taken_out,
                "`layers.pop()` takes the layers out of the network, which is empty then. Walk "
                "over the list and leave it as it is: `reversed(layers)`.",
            ),
            Mistake(
                all_but_the_first,
                "The first layer is left out: it is asked last, and what it returns is the answer.",
            ),
            Mistake(
                returns_nothing,
                "All layers are asked rightly, and nothing is returned. Whoever called wants to "
                "know how the loss changes with the input: `return` what the first layer gave.",
            ),
        ],
        hints=[
            "Which layer's output does `grad_y` belong to? Begin there.",
            "What `backward` returns is the `grad_y` of the layer before it.",
            "`for layer in reversed(layers): grad_y = layer.backward(grad_y)`, then return it.",
        ],
    ),
    Exercise(
        sgd_step,
        cases=parameters_and_gradients,
        run=take_step,
        returns=("W", "b"),
        blank=True,
        mistakes=[
            Mistake(
                under_a_new_name,
                "Nothing has moved. `param = param - ...` makes a new array and gives it the name; "
                "the layer still holds the old one. `param -= ...` writes into it.",
            ),
            Mistake(
                lambda params, grads, lr: {key: params[key] - lr * grads[key] for key in params},
                "You hand back new parameters, and the layers go on with the old ones. Nothing is "
                "returned here: write into the arrays that the layers hold, with `-=`.",
            ),
            Mistake(
                each(lambda param, grad, lr: param + lr * grad),
                "Uphill: the gradient points to where the loss rises. Subtract.",
            ),
            Mistake(
                each(lambda param, grad, lr: param - grad),
                "The learning rate is missing: each step is `lr` times the gradient.",
            ),
            Mistake(
                each(lambda param, grad, lr: param - grad / lr),
                "You divide by the learning rate: a small one would make large steps.",
            ),
            Mistake(
                each(lambda param, grad, lr: -lr * grad),
                "The parameter becomes the step. It should move by it: `-=`, not `=`.",
            ),
            Mistake(
                each(lambda param, grad, lr: lr * grad - param),
                "The two are subtracted the wrong way around: parameter minus step.",
            ),
            Mistake(
                each(lambda param, grad, lr: param - lr * grad, stop=True),
                "Only the first parameter has moved. Does a `return` stand inside the loop?",
            ),
            Mistake(
                weights_alone,
                "Only the weights have moved. A bias is a parameter too, and has its gradient.",
            ),
            Mistake(
                gradients_moved,
                "The gradients are no longer what they were. They are there to be read, by others "
                "too, such as the vital signs: write into `params` only.",
            ),
        ],
        hints=[
            "`params` and `grads` are dictionaries with the same keys: one loop over them.",
            "A parameter moves by `-lr` times its gradient.",
            "`params[key] -= lr * grads[key]` writes into the array that the layer holds.",
        ],
    ),
    Exercise(
        train,
        cases=small_batches,
        run=train_small,
        returns=("losses", "first weights", "last weights", "last gradient"),
        blank=True,
        mistakes=[
            Mistake(
                loop(give=lambda losses: None),
                "It trains rightly, and returns nothing: collect the losses in a list and return "
                "it.",
            ),
            Mistake(
                loop("flb"),
                "The losses are right, but the weights never move: `optimizer.step()` is missing.",
            ),
            Mistake(
                loop("fls"),
                "The weights never move: until `network.backward(grad)` has run, all gradients are "
                "zero.",
            ),
            Mistake(
                loop("flsb"),
                "The step comes too early: it uses the gradients of the batch before. First "
                "`backward`, then `step`.",
            ),
            Mistake(
                loop("flbsfl"),
                "The losses are those after each step, from a second forward pass. Keep the one "
                "that you have: it cost nothing.",
            ),
            Mistake(
                loop("flbbss"),
                "Each batch moves the weights twice.",
            ),
            Mistake(
                one_step_at_the_end,
                "The step stands behind the loop, so there is only one, from the last batch. It "
                "belongs in the loop: one for each batch.",
            ),
            Mistake(
                first_batch_only,
                "Only the first batch is used. Does a `return` stand inside the loop?",
            ),
            Mistake(
                with_a_loss_of_its_own,
                "The loss is always that of `softmax_cross_entropy`, whatever is handed in. Call "
                "the argument, `loss_and_grad`: here it was another loss.",
            ),
            Mistake(
                loop(give=lambda losses: losses[-1]),
                "It trains rightly, and returns the last loss only. The curve needs all of them: a "
                "list.",
            ),
            Mistake(
                loop(give=lambda losses: float(np.mean(losses))),
                "It trains rightly, and returns the mean loss. The curve needs all of them: a "
                "list.",
            ),
            Mistake(
                loop(give=lambda losses: losses[-1:]),
                "It trains rightly, but the list starts anew in each round: make it once, before "
                "the loop.",
            ),
        ],
        hints=[
            "Four things for each batch, in this order: forward, loss, backward, step.",
            (
                "`loss_and_grad(network.forward(x), labels)` gives two things: keep the first, "
                "hand the second to `network.backward`."
            ),
            (
                "`losses = []` before the loop; in it `losses.append(loss)`; behind it, not "
                "inside, `return losses`."
            ),
        ],
    ),
]
