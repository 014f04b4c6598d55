"""What a student sees and touches: figures, and the sliders that move them."""

from course_utils.lab.controls import choice, draw_again, slider, toggle
from course_utils.lab.live import Exploration, live

__all__ = ["Exploration", "choice", "draw_again", "live", "slider", "toggle"]
