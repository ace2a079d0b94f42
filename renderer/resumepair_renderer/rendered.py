"""What a render gives back: the file, and everything that is known about it."""

from dataclasses import dataclass

from resumepair_renderer.errors import Problem
from resumepair_renderer.fit import FitReport
from resumepair_renderer.options import Format
from resumepair_renderer.proof import Proof


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished file. `sha256` is hexadecimal; the same document and options give the same one.

    `page_count` and `proof` are those of the PDF (for a PNG: of the PDF it shows), None for formats
    without pages. `warnings` say what of the document was not taken as it stands, and where.
    """

    content: bytes
    format: Format
    template: str
    file_name: str
    title: str
    byte_size: int
    sha256: str
    page_count: int | None = None
    proof: Proof | None = None
    fit: FitReport | None = None
    warnings: tuple[Problem, ...] = ()
