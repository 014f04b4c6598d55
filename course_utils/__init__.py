"""Code behind the course *Normalization and Regularization, by Hand*.

Rooms, from the ground up:

- ``course_utils.nn``: the network that the notebooks build, in NumPy alone
- ``course_utils.data``: MNIST, minibatches, toy sets
- ``course_utils.experiments``: training and measuring, arrays in and arrays out
- ``course_utils.lab``: the figures and sliders that a student touches
"""
