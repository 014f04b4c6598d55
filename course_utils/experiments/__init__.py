"""What the notebooks measure: NumPy in, arrays out; no plotting, no widgets."""

from course_utils.experiments.comparison import Comparison, compare
from course_utils.experiments.probes import (
    VitalSigns,
    activation_norms,
    expected_norms,
    vital_signs,
)
from course_utils.experiments.training import (
    Evaluation,
    History,
    evaluate,
    fit,
    training_steps,
)

__all__ = [
    "Comparison",
    "Evaluation",
    "History",
    "VitalSigns",
    "activation_norms",
    "compare",
    "evaluate",
    "expected_norms",
    "fit",
    "training_steps",
    "vital_signs",
]
