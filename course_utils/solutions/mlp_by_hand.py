"""Solutions of notebook 01."""

import numpy as np

from course_utils.nn import numerical_gradient


def tanh_backward(grad_y, y):
    # With s = sinh and c = cosh, tanh = s / c and (s / c)' = (c c - s s) / c^2 = 1 - tanh^2,
    # since s' = c and c' = s. And tanh(x) is y.
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
    # One step later every gradient in the old sum has become older by one step, so all of it
    # counts momentum times as much; the new gradient comes on top.
    # The parameter moves against it. Both are new arrays: nothing is changed in place.
    new_velocity = momentum * velocity + grad
    new_param = param - lr * new_velocity
    return new_param, new_velocity


def stretch_and_shift_backward(grad_y, x, gamma):
    # x_kr touches y_kr only, times gamma_r. gamma_r touches y_kr in every example k, times x_kr,
    # and beta_r too, times 1: there the effects add up over the examples.
    grad_x = grad_y * gamma
    grad_gamma = (grad_y * x).sum(axis=0)
    grad_beta = grad_y.sum(axis=0)
    return grad_x, grad_gamma, grad_beta
