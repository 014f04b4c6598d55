"""Matrix products with errors of rounding size: what another processor's might be.

A startup file of IPython that calls `install(get_ipython())` has every `A @ B` in a notebook's
cells and in course_utils go through `perturbed_product`. The environment variable
PERTURBED_PRODUCTS is the seed of the errors.
"""

import ast
import builtins
import os
from importlib.machinery import SourceFileLoader

import numpy as np

SEED = "PERTURBED_PRODUCTS"
PACKAGE = "course_utils"
SIZE = 4  # the largest relative error of an entry, in units of its type's rounding


def perturbed_product(rng):
    """The function (left, right) -> left @ right, floating point entries with an error each."""

    def product(left, right):
        exact = left @ right
        if not np.issubdtype(getattr(exact, "dtype", object), np.floating):
            return exact
        error = 2 * rng.random(exact.shape, dtype=np.float32) - 1
        factor = 1 + SIZE * np.finfo(exact.dtype).eps * error
        return exact * factor.astype(exact.dtype)

    return product


class Products(ast.NodeTransformer):
    """Turns `left @ right` into a call."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        function = ast.Name(perturbed_product.__name__, ast.Load())
        call = ast.Call(function, [node.left, node.right], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))


def install(shell):
    """Perturb the products of the shell's cells and of the modules that it has yet to import."""
    seed = int(os.environ[SEED])
    setattr(builtins, perturbed_product.__name__, perturbed_product(np.random.default_rng(seed)))
    shell.ast_transformers.append(Products())
    compiled = SourceFileLoader.get_code

    def get_code(self, name):
        if name.partition(".")[0] != PACKAGE:
            return compiled(self, name)
        path = self.get_filename(name)
        tree = Products().visit(ast.parse(self.get_data(path)))
        return compile(tree, path, "exec", dont_inherit=True)

    SourceFileLoader.get_code = get_code
