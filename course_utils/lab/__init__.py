"""What a student sees and touches: pictures, sliders that move them, questions and exercises."""

from course_utils.lab.controls import choice, draw_again, slider, steered, toggle
from course_utils.lab.flight import FlightDeck, flight_controls, flight_deck
from course_utils.lab.live import Exploration, live
from course_utils.lab.quiz import predict, reveal

__all__ = [
    "Exploration",
    "FlightDeck",
    "choice",
    "draw_again",
    "flight_controls",
    "flight_deck",
    "live",
    "predict",
    "reveal",
    "slider",
    "steered",
    "toggle",
]
