"""The stand-in for Supabase Storage as a command."""

import subprocess
import sys

WITHOUT_MULTIPART = """
import runpy, sys
sys.modules["python_multipart"] = None
runpy.run_module("tests.storage_server", run_name="__main__")
"""


def test_where_uploads_could_not_be_read_it_says_so_and_does_not_start() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_MULTIPART], capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "tests.storage_server: python-multipart is not installed; run `make setup` first\n"
