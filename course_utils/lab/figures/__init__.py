"""The pictures of the course, one class each: drawn once, then updated with values."""

from course_utils.lab import colors
from course_utils.lab.figures.layers import (
    NormsByLayer,
    ScalesByLayer,
    ScalesInTraining,
    VitalSigns,
)
from course_utils.lab.figures.matrices import Digits, MatrixProduct
from course_utils.lab.figures.training import DecisionBoundary, LossBands, Losses, TrainingMap

__all__ = [
    "DecisionBoundary",
    "Digits",
    "LossBands",
    "Losses",
    "MatrixProduct",
    "NormsByLayer",
    "ScalesByLayer",
    "ScalesInTraining",
    "TrainingMap",
    "VitalSigns",
    "colors",
]
