"""Makes data/torch_reference.npz: what PyTorch computes, in float64, for tests and notebook 08.

PyTorch is no dependency of the course. To make the file anew, in an environment of its own:

    pip install numpy torch==2.13.0
    python tools/make_torch_reference.py
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BATCHES, M, N = 20, 6, 4
MOMENTA = (0.0, 0.1, 0.7, 1.0)
STEPS, KEPT_STEPS = 50, (1, 2, 10, 50)
L2 = {"weight_decay": 0.05}
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}),
    "sgd_momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "sgd_decay": (torch.optim.SGD, {"lr": 0.1, **L2}),
    "sgd_momentum_decay": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, **L2}),
    "adam": (torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.0}),
    "adam_l2": (torch.optim.Adam, {"lr": 0.01, **L2}),
    "adamw": (torch.optim.AdamW, {"lr": 0.01, **L2}),
    "adamw_betas": (torch.optim.AdamW, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, **L2}),
}

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20)
reference = {}


def normal(*shape):
    return torch.from_numpy(rng.standard_normal(shape))


def record(name, **tensors):
    """Store tensors under "name/key"."""
    for key, tensor in tensors.items():
        reference[f"{name}/{key}"] = tensor.detach().numpy().copy()


def record_layer(name, layer, x, params):
    """Store a layer's parameters, input, output, and the gradients of sum(output * grad_y)."""
    x = x.clone().requires_grad_()
    y = layer(x)
    grad_y = normal(*y.shape)
    y.backward(grad_y)
    record(name, x=x, y=y, grad_y=grad_y, grad_x=x.grad)
    for key, param in params.items():
        grad = param.grad
        if key == "W":  # PyTorch keeps it as (n_out, n_in)
            param, grad = param.T, grad.T
        record(name, **{key: param, f"grad_{key}": grad})


def randomize(layer):
    """Give every parameter values that hide no mistake, as ones and zeros would."""
    for param in layer.parameters():
        param.data = normal(*param.shape)
    return layer


def scale_and_shift(layer, affine):
    return {"gamma": layer.weight, "beta": layer.bias} if affine else {}


def record_layers():
    linear = randomize(nn.Linear(N, 3))
    record_layer("linear", linear, normal(M, N), {"W": linear.weight, "b": linear.bias})
    record_layer("relu", nn.ReLU(), normal(M, N), {})
    record_layer("tanh", nn.Tanh(), normal(M, N), {})
    for affine in (True, False):
        layer = randomize(nn.LayerNorm(N, elementwise_affine=affine))
        x = 3 * normal(M, N) + 1
        record_layer(f"layer_norm/{affine}", layer, x, scale_and_shift(layer, affine))


def record_batch_norm():
    """Running estimates over many batches; gradients in training and in evaluation."""
    batches = 3 * normal(BATCHES, M, N) + 1
    record("batch_norm", batches=batches)
    for momentum in MOMENTA:
        for affine in (True, False):
            name = f"batch_norm/{momentum}/{affine}"
            layer = randomize(nn.BatchNorm1d(N, momentum=momentum, affine=affine))
            means, variances = [], []
            for batch in batches:
                layer(batch)
                means.append(layer.running_mean.clone())
                variances.append(layer.running_var.clone())
            record(name, means=torch.stack(means), variances=torch.stack(variances))
            for mode in ("evaluation", "training"):
                layer.train(mode == "training").zero_grad()
                record_layer(f"{name}/{mode}", layer, batches[0], scale_and_shift(layer, affine))


def record_cross_entropy():
    labels = torch.from_numpy(rng.integers(0, 5, M))
    for name, logits in {
        "ordinary": 3 * normal(M, 5),
        "huge": 1e4 * torch.sign(normal(M, 5)),
        "mixed": 1e4 * normal(M, 5),
    }.items():
        logits.requires_grad_()
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        record(f"cross_entropy/{name}", logits=logits, labels=labels, loss=loss, grad=logits.grad)


def record_trajectories():
    """A small network's parameters along the way; weight decay on the weight matrices only."""
    x, labels = normal(STEPS, M, N), torch.from_numpy(rng.integers(0, 3, (STEPS, M)))
    first, norm, last = randomize(nn.Linear(N, 5)), nn.LayerNorm(5), randomize(nn.Linear(5, 3))
    randomize(norm)
    network = nn.Sequential(first, nn.Tanh(), norm, last)
    start = {key: value.clone() for key, value in network.state_dict().items()}

    def params():
        return {
            "0.W": first.weight.T,
            "0.b": first.bias,
            "2.gamma": norm.weight,
            "2.beta": norm.bias,
            "3.W": last.weight.T,
            "3.b": last.bias,
        }

    record("trajectory", x=x, labels=labels)
    record("trajectory/0", **params())
    for name, (optimizer_class, options) in OPTIMIZERS.items():
        network.load_state_dict(start)
        others = [first.bias, norm.weight, norm.bias, last.bias]
        groups = [
            {"params": [first.weight, last.weight]},
            {"params": others, "weight_decay": 0.0},
        ]
        optimizer = optimizer_class(groups, **options)
        for step in range(1, STEPS + 1):
            optimizer.zero_grad()
            functional.cross_entropy(network(x[step - 1]), labels[step - 1]).backward()
            optimizer.step()
            if step in KEPT_STEPS:
                record(f"trajectory/{name}/{step}", **params())


if __name__ == "__main__":
    record_layers()
    record_batch_norm()
    record_cross_entropy()
    record_trajectories()
    path = Path(__file__).resolve().parent.parent / "data" / "torch_reference.npz"
    np.savez_compressed(path, **reference)
    print(f"{path.name}: {len(reference)} arrays, {path.stat().st_size / 1000:.0f} kB")
