"""The pictures that several lessons share: drawn once, then updated with values by name."""

from course_utils.lab.pictures.bands import DotsBySide, LossBands, SpreadLines
from course_utils.lab.pictures.digits import Digits
from course_utils.lab.pictures.flight import FlightInstruments
from course_utils.lab.pictures.norms import NormsByLayer
from course_utils.lab.pictures.training import DecisionBoundary
from course_utils.lab.pictures.vitals import VitalSigns

__all__ = [
    "DecisionBoundary",
    "Digits",
    "DotsBySide",
    "FlightInstruments",
    "LossBands",
    "NormsByLayer",
    "SpreadLines",
    "VitalSigns",
]
