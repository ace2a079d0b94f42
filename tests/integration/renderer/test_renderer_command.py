"""The command as people run it: with a browser, a terminal's signals, and files that change."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest

COMMAND = [sys.executable, "-c", "from resumepair_renderer.command import main; main()"]
WATCHING = "Ctrl-C ends it"


@pytest.fixture
def environment(chromium_path: Path) -> dict[str, str]:
    return {**os.environ, "CHROMIUM_PATH": str(chromium_path)}


def run(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@contextmanager
def watching(folder: Path, environment: dict[str, str], *arguments: str) -> Generator[subprocess.Popen[str]]:
    """The command with --watch, until it waits for changes."""
    with subprocess.Popen(
        [*COMMAND, "--watch", *arguments], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            until(process, WATCHING)
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"the command ended without saying {text!r}")


def save(path: Path, name: str) -> None:
    """As editors do: a new file takes the place of the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"basics": {"name": name}}), encoding="utf-8")
    fresh.replace(path)


def test_a_folder_becomes_proven_pdfs(
    tmp_path: Path, environment: dict[str, str], document: Callable[[str], dict[str, Any]]
) -> None:
    for name in ("ada", "haruka-japanese", "otto-json-resume"):
        tmp_path.joinpath(f"{name}.json").write_text(json.dumps(document(name)), encoding="utf-8")
    result = run(tmp_path, environment, ".", "-o", "out", "--template", "classic", "--page-size", "a4", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, result.stderr
    assert {line["source"] for line in lines} == {"ada.json", "haruka-japanese.json", "otto-json-resume.json"}
    assert all(line["proof"]["pageCount"] == line["pageCount"] >= 1 for line in lines)
    for line in lines:
        with pdfium.PdfDocument(tmp_path / line["target"]) as pdf:
            assert [round(side) for side in pdf[0].get_size()] == [595, 842]


def test_the_verdict_is_told(tmp_path: Path, environment: dict[str, str]) -> None:
    save(tmp_path / "ada.json", "Ada Quill")
    result = run(tmp_path, environment, "ada.json", "--proof", "-o", "ada.pdf")
    assert result.returncode == 0, result.stderr
    assert "ada.json → ada.pdf  1 page," in result.stderr
    assert "proof: 100 of 100" in result.stderr


def test_a_value_that_cannot_be_printed_fails_the_proof(tmp_path: Path, environment: dict[str, str]) -> None:
    save(tmp_path / "ada.json", "Ada \U00012000")
    result = run(tmp_path, environment, "ada.json", "--proof", "-o", "ada.pdf")
    assert result.returncode == 1
    assert "MISSING_GLYPH" in result.stderr


def test_of_a_picture_it_is_said_which_page_it_shows(
    tmp_path: Path, environment: dict[str, str], document: Callable[[str], dict[str, Any]]
) -> None:
    tmp_path.joinpath("ada.json").write_text(json.dumps(document("ada")), encoding="utf-8")
    result = run(tmp_path, environment, "ada.json", "-f", "png", "--proof")
    assert result.returncode == 0, result.stderr
    assert "ada.json → ada.png  page 1 of 2," in result.stderr
    assert "proof: " in result.stderr


@pytest.mark.parametrize("arguments", [["-o", "-"], ["-o", "ada.txt", "--json"]])
def test_a_reader_who_has_enough_is_no_failure(
    tmp_path: Path, environment: dict[str, str], arguments: list[str]
) -> None:
    save(tmp_path / "ada.json", "Ada")
    reader, writer = os.pipe()
    os.close(reader)
    command = [*COMMAND, "ada.json", "-f", "txt", *arguments]
    try:
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")


def test_a_missing_document_is_rendered_once_it_is_there(tmp_path: Path, environment: dict[str, str]) -> None:
    save(tmp_path / "ada.json", "Ada")
    with watching(tmp_path, environment, "ada.json", "bo.json", "nowhere/cy.json", "-f", "txt", "-o", "out") as process:
        save(tmp_path / "bo.json", "Bo")
        until(process, "bo.txt")


def test_a_browser_that_is_not_there_is_one_line(tmp_path: Path, environment: dict[str, str]) -> None:
    save(tmp_path / "ada.json", "Ada")
    result = run(tmp_path, {**environment, "CHROMIUM_PATH": "/nowhere/chromium"}, "ada.json")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "resumepair-render: " in result.stderr.splitlines()[-1]


def test_a_saved_document_is_rendered_again(tmp_path: Path, environment: dict[str, str]) -> None:
    save(tmp_path / "ada.json", "Ada")
    with watching(tmp_path, environment, ".", "-f", "txt") as process:
        assert (tmp_path / "ada.txt").read_text(encoding="utf-8") == "Ada\n"
        save(tmp_path / "ada.json", "Ada Quill")
        until(process, "ada.txt")
        assert (tmp_path / "ada.txt").read_text(encoding="utf-8") == "Ada Quill\n"
        save(tmp_path / "bo.json", "Bo")
        until(process, "bo.txt")
        (tmp_path / "bo.json").write_text("{", encoding="utf-8")
        until(process, "not JSON")


@pytest.mark.parametrize(("sign", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_fuss(
    tmp_path: Path, environment: dict[str, str], sign: signal.Signals, status: int
) -> None:
    save(tmp_path / "ada.json", "Ada")
    with watching(tmp_path, environment, "ada.json", "-o", "ada.pdf") as process:
        process.send_signal(sign)
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait() == status
