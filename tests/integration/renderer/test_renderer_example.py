"""The example of the documentation, run as its reader would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pypdfium2 as pdfium

PAGE = Path(__file__).parents[3] / "docs/how-to/use-the-renderer-alone.md"


def test_the_example_for_using_the_renderer_alone_runs(tmp_path: Path, chromium_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    environment = {**os.environ, "CHROMIUM_PATH": str(chromium_path)}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert answer.stdout == "ada-lovelace-resume.pdf 1 100\n"
    with pdfium.PdfDocument(tmp_path / "ada-lovelace-resume.pdf") as pdf:
        assert "Analytical Engines" in pdf[0].get_textpage().get_text_range()
