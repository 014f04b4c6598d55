"""The pictures of the course, one class each: drawn once, then updated with values."""

from course_utils.lab import colors
from course_utils.lab.figures.batch_norm import (
    BatchMates,
    RowsAndColumns,
    RunningEstimates,
    ScalesWithAndWithout,
)
from course_utils.lab.figures.dropout import (
    CriticalMap,
    DropoutNorms,
    MaskedUnit,
    TrainingUnderDropout,
)
from course_utils.lab.figures.layer_norm import LossesByRate, NormalizedNorms, ScaledLayer
from course_utils.lab.figures.layers import (
    NormsByLayer,
    ScalesByLayer,
    ScalesInTraining,
    VitalSigns,
)
from course_utils.lab.figures.matrices import Digits, MatrixProduct
from course_utils.lab.figures.overparameterization import ErrorPaths, FeatureFit, FunctionFound
from course_utils.lab.figures.spread import DotsBySide, LossBands, SpreadLines
from course_utils.lab.figures.training import DecisionBoundary, Losses, TrainingMap
from course_utils.lab.figures.weight_decay import (
    DecayedFit,
    NormAgainstError,
    NormPaths,
    NormsAndErrors,
)

__all__ = [
    "BatchMates",
    "CriticalMap",
    "DecayedFit",
    "DecisionBoundary",
    "Digits",
    "DotsBySide",
    "DropoutNorms",
    "ErrorPaths",
    "FeatureFit",
    "FunctionFound",
    "LossBands",
    "Losses",
    "LossesByRate",
    "MaskedUnit",
    "MatrixProduct",
    "NormAgainstError",
    "NormPaths",
    "NormalizedNorms",
    "NormsAndErrors",
    "NormsByLayer",
    "RowsAndColumns",
    "RunningEstimates",
    "ScaledLayer",
    "ScalesByLayer",
    "ScalesInTraining",
    "ScalesWithAndWithout",
    "SpreadLines",
    "TrainingMap",
    "TrainingUnderDropout",
    "VitalSigns",
    "colors",
]
