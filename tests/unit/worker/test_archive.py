import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from resumepair_worker.archive import Archive, Written

THEN = datetime(2030, 1, 31, 8, 30, 14, tzinfo=UTC)
# Says when the archive is being written, and waits to be killed.
KILLED = """
from datetime import datetime, UTC
from resumepair_worker.archive import Archive
archive = Archive()
archive.begin("01.pdf", datetime.now(UTC))
archive.write(b"x" * 1_000_000)
print("written", flush=True)
input()
"""


def packed(**files: bytes) -> bytes:
    archive = Archive()
    for name, content in files.items():
        archive.add(name, content, THEN)
    written = archive.finish()
    content = archive.path.read_bytes()
    archive.close()
    assert written == Written(len(content), sha256(content).hexdigest())
    return content


def test_the_same_files_make_the_same_bytes() -> None:
    assert packed(a=b"1" * 100_000, b=b"2") == packed(a=b"1" * 100_000, b=b"2")


def test_what_was_put_in_comes_out_uncompressed_with_its_time_in_utc() -> None:
    archive = Archive()
    archive.begin("01.pdf", THEN.astimezone(timezone(timedelta(hours=5))))
    archive.write(b"%PDF")
    archive.write(b"-1.7")
    assert archive.end() == Written(8, sha256(b"%PDF-1.7").hexdigest())
    archive.finish()
    with ZipFile(BytesIO(archive.path.read_bytes())) as file:
        (info,) = file.infolist()
        assert (info.filename, info.date_time) == ("01.pdf", (2030, 1, 31, 8, 30, 14))
        assert (info.compress_size, info.external_attr >> 16) == (8, 0o100644)
        assert (file.read("01.pdf"), file.testzip()) == (b"%PDF-1.7", None)
    archive.close()


def test_it_can_be_read_as_often_as_an_upload_is_tried() -> None:
    archive = Archive()
    archive.add("a", b"1", THEN)
    archive.finish()
    with archive.path.open("rb") as first, archive.path.open("rb") as second:
        assert first.read() == second.read()
    archive.close()


def test_it_can_be_given_up_in_the_middle_of_a_file() -> None:
    archive = Archive()
    archive.begin("a", THEN)
    archive.write(b"1")
    archive.close()
    with pytest.raises(ValueError, match="was closed"):
        archive.write(b"2")


def test_a_killed_process_leaves_no_temporary_file(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"TMPDIR": str(tmp_path)}
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"written\n"
        assert list(tmp_path.iterdir()) == []
        process.kill()
    assert list(tmp_path.iterdir()) == []
