"""Code behind the course *Normalization and Regularization, by Hand*.

Rooms, from the ground up:

- ``course_utils.checks``: what turns bad input into a clear sentence
- ``course_utils.nn``: the network that the notebooks build, in NumPy alone
- ``course_utils.data``: MNIST, minibatches, toy sets
- ``course_utils.experiments``: instruments, arrays in and arrays out
- ``course_utils.lab``: the pictures and sliders that a student touches
- ``course_utils.lessons``: what one notebook has to itself, a folder each
"""

import numpy  # noqa: F401  (brings its BLAS, which the next lines set)
from threadpoolctl import threadpool_limits

# One thread for matrix products. The course's matrices are small: a second thread waits more than
# it works, many times over where other programs need the processor too.
threadpool_limits(limits=1, user_api="blas")
