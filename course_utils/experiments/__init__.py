"""What the notebooks measure: NumPy in, arrays out; no plotting, no widgets."""

from course_utils.experiments.probes import (
    VitalSigns,
    activation_norms,
    expected_norms,
    vital_signs,
)
from course_utils.experiments.training import Evaluation, History, evaluate, fit, training_steps

__all__ = [
    "Evaluation",
    "History",
    "VitalSigns",
    "activation_norms",
    "evaluate",
    "expected_norms",
    "fit",
    "training_steps",
    "vital_signs",
]
