"""PDFium is not made for threads: whoever opens a file with it holds this lock until it is closed again."""

import threading
from typing import Final

PDFIUM: Final = threading.Lock()
