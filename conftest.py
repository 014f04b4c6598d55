"""One repair of nbval, here so that it works in tests/ and notebooks/ alike."""

from nbval.kernel import RunningKernel


def execute_cell_input(self, cell_input, allow_stdin=None):
    """Run a cell as a notebook does: with the history on, without which `x;` shows x."""
    return self.kc.execute(
        cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


RunningKernel.execute_cell_input = execute_cell_input
