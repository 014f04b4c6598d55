"""The pictures of the course, one class each: drawn once, then updated with values."""

from course_utils.lab import colors
from course_utils.lab.figures.layers import NormsByLayer, VitalSigns
from course_utils.lab.figures.matrices import Digits, MatrixProduct
from course_utils.lab.figures.training import DecisionBoundary, Losses

__all__ = [
    "DecisionBoundary",
    "Digits",
    "Losses",
    "MatrixProduct",
    "NormsByLayer",
    "VitalSigns",
    "colors",
]
