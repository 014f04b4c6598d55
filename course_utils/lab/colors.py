"""The same color for the same thing throughout the course, safe for color-blind readers.

The palette is that of Okabe and Ito, "Color Universal Design" (2008).
"""

BLACK, GRAY = "#000000", "#777777"
ORANGE, SKY, GREEN = "#E69F00", "#56B4E9", "#009E73"
BLUE, RED, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

MEASURED, THEORY = BLUE, BLACK
TRAIN, TEST = BLUE, ORANGE
SCALE = {1: BLUE, 2: GREEN, 3: RED}  # the constant c of the initial weights
NORM = {None: GRAY, "layer": ORANGE, "batch": PURPLE}
CLASS = (BLUE, ORANGE)  # the two classes of a toy set
