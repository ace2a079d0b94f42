"""Puts faces whose em has 1,000 units on 2,048: `python -m dev.font_units`. Done once; the result is committed.

Chromium writes a line of text into a PDF as one string only where the browser's widths and the PDF's are
the same to the last bit; else it places letter by letter, which makes files a quarter larger and twice as
slow to read. Widths are widths in units times size / units: exact when units are a power of two and sizes
are quarters of a pixel (see `templates/print.css`), never when units are 1,000.

Only faces whose licence reserves no name may be changed under the name they have (SIL OFL 1.1, 3).
"""

import sys
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem  # pyright: ignore[reportUnknownVariableType]

FONTS: Final = Path(__file__).parents[1] / "renderer" / "resumepair_renderer" / "fonts"
FACES: Final = "SourceSerif4_*.ttf"
UNITS: Final = 2048


def main() -> None:
    """Scale the faces where they are."""
    for path in sorted(FONTS.glob(FACES)):
        face = TTFont(path, recalcTimestamp=False)
        scale_upem(face, UNITS)  # does nothing to one that has been scaled
        face.save(path)
        sys.stdout.write(f"{path.name}: {UNITS} units in an em\n")


if __name__ == "__main__":
    main()
