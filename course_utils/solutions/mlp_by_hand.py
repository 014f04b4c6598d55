"""Solutions of notebook 01."""

import numpy as np

from course_utils.nn import numerical_gradient


def tanh_backward(grad_y, y):
    # The derivative of tanh is 1 - tanh(x)^2, and tanh(x) is y.
    # Each output depends on its own input only: a product, entry by entry.
    return grad_y * (1 - y**2)


def find_bug(network, x):
    # The loss is the sum of y * r for a fixed r, so its gradient with respect to y is r.
    y = network.forward(x)
    r = np.random.default_rng(0).standard_normal(y.shape)
    network.backward(r)

    def loss():
        return np.sum(network.forward(x) * r)

    # The wrong gradient is the one that disagrees most, relative to its size.
    errors = {}
    for key, param in network.params.items():
        truth = numerical_gradient(loss, param)
        errors[key] = np.abs(network.grads[key] - truth).max() / np.abs(truth).max()
    return max(errors, key=errors.get)


def momentum_step(param, grad, velocity, lr, momentum):
    # The velocity keeps a share of what it was and gathers the new gradient;
    # the parameter moves against it. Both are new arrays: nothing is changed in place.
    new_velocity = momentum * velocity + grad
    new_param = param - lr * new_velocity
    return new_param, new_velocity
