"""The command, with formats that need no browser: what goes where, and what people are told."""

import json
import re
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from resumepair_renderer import TEMPLATES
from resumepair_renderer.command.app import app

ROOT = Path(__file__).parents[3]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=stdin)

    return invoke


def resume(name: str = "Ada Quill", **more: Any) -> str:  # noqa: ANN401 -- JSON
    return json.dumps({"basics": {"name": name}, **more})


def put(path: str, content: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    return file


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_document_goes_where_it_is_told(run: Run) -> None:
    put("ada.json", resume())
    result = run("ada.json", "-o", "made/up/ada.txt")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "ada.json → made/up/ada.txt" in result.stderr
    assert Path("made/up/ada.txt").read_text(encoding="utf-8") == "Ada Quill\n"
    assert names_in("made/up") == ["ada.txt"]


def test_without_a_place_it_goes_beside_its_source(run: Run) -> None:
    put("cv/ada.json", resume())
    assert run("cv/ada.json", "--format", "DOCX").exit_code == 0
    assert Path("cv/ada.docx").read_bytes().startswith(b"PK")


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.txt", "Ada"), ("a.html", "<!doctype html>"), ("a.HTM", "<!doctype html>"), ("a.json", "{")],
)
def test_the_extension_tells_the_format(run: Run, name: str, start: str) -> None:
    put("in/ada.json", resume())
    assert run("in/ada.json", "-o", name).exit_code == 0
    assert Path(name).read_text(encoding="utf-8").startswith(start)


def test_what_is_asked_for_goes_before_the_extension(run: Run) -> None:
    put("ada.json", resume())
    assert run("ada.json", "-o", "ada.out", "-f", "txt").exit_code == 0
    assert Path("ada.out").read_text(encoding="utf-8") == "Ada Quill\n"


def test_standard_input_goes_to_standard_output(run: Run) -> None:
    result = run("-", "-f", "txt", stdin=resume())
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Ada Quill\n", "")


def test_a_folder_goes_into_a_folder(run: Run) -> None:
    for name in ("b", "a"):
        put(f"in/{name}.json", resume(name))
    put("in/notes.md", "no document")
    put("in/deeper/c.json", resume())
    assert run("in", "-o", "out", "-f", "txt").exit_code == 0
    assert names_in("out") == ["a.txt", "b.txt"]


def test_one_that_fails_does_not_stop_the_others(run: Run) -> None:
    put("in/1.json", resume(work=[{"startDate": "soon"}, {"endDate": "later"}]))
    put("in/2.json", "{oops")
    put("in/3.json", resume())
    result = run("in", "-o", "out", "-f", "txt")
    assert result.exit_code == 1
    assert names_in("out") == ["3.txt"]
    assert '    work[0].startDate: not a date: "soon"\n    work[1].endDate: not a date: "later"\n' in result.stderr
    assert "not JSON: Expecting property name enclosed in double quotes at line 1, column 2" in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "expected a JSON object"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"[" * 100_000, "lists within lists without end"),
        (b"{}", "profile: missing"),
        (b'{"basics": {}}', "basics.name: the document is empty, nothing to print"),
        (b" " * 10_000_001, "the file is too large"),
    ],
)
def test_whatever_is_read_is_answered_in_words(run: Run, content: bytes, message: str) -> None:
    result = run("-", "-f", "txt", stdin=content)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a document"),
        (["nobody.json"], "nobody.json: there is no such file or folder"),
        (["empty"], "empty: there is no .json in it"),
        (["ada.json", "-o", "ada.xyz"], "no format has this extension"),
        (["ada.json", "-f", "json"], "the result would go over its source"),
        (["ada.json", "other/ada.json", "-o", "out"], "2 documents would go there"),
        (["ada.json", "bo.json", "-o", "bo.json", "-f", "txt"], "several documents need a folder"),
        (["ada.json", "-t", "fancy"], "template: not one of classic"),
        (["ada.json", "-o", "-", "-f", "txt", "--json"], "cannot both go to standard output"),
        (["-", "-f", "txt", "--watch"], "standard input cannot be watched"),
        (["ada.json", "--photo", "ada.json"], "not the name of a picture"),
        (["ada.json", "--photo", "me.png"], "me.png: No such file or directory"),
        (["ada.json", "-f", "gif"], "--format: not one of pdf, png, html, txt, docx, json: 'gif'"),
        (["ada.json", "--page-size", "A5"], "--page-size: not one of A4, Letter: 'A5'"),
        (["ada.json", "--fit", "two-pages"], "--fit: not one of none, one-page: 'two-pages'"),
        (["ada.json", "--pages", "17"], "--pages: not a number from 1 to 16: '17'"),
        (["ada.json", "--pages", "many"], "--pages: not a number from 1 to 16: 'many'"),
        (["ada.json", "--frmat", "txt"], "no such option: --frmat"),
        (["ada.json", "-o"], "option '-o' requires an argument; --help says more"),
        (["nobody.json", "nothing.json"], "nobody.json, nothing.json: there is no such file or folder"),
        (["ada.json", "bo.json", "-o", "all.pdf"], "all.pdf: several documents need a folder to go to"),
        (["other", "-o", "all.pdf"], "all.pdf: several documents need a folder to go to"),
        (["ada.json", "bo.json", "nobody.json", "-o", "all.txt"], "if it is to be one, write all.txt/"),
        (["ada.json", "-o", "bo.json/", "-f", "txt"], "bo.json: is a file, not a folder"),
        (["ada.json", "-o", "ada.txt", "-f", "docx"], "ada.txt: not the name of a docx"),
        (["ada.json", "-o", "ada.TEXT", "-f", "docx"], "ada.TEXT: not the name of a docx"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is(run: Run, arguments: list[str], message: str) -> None:
    for path in ("ada.json", "bo.json", "other/ada.json"):
        put(path, resume())
    Path("empty").mkdir()
    before = sorted(Path().rglob("*"))
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.startswith("resumepair-render: ")
    assert result.stderr.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


def test_a_slash_at_the_end_makes_a_folder(run: Run) -> None:
    put("ada.json", resume())
    assert run("ada.json", "-o", "new/", "-f", "txt").exit_code == 0
    assert names_in("new") == ["ada.txt"]


def test_a_folder_may_have_a_dot_in_its_name(run: Run) -> None:
    put("ada.json", resume())
    put("bo.json", resume("Bo"))
    assert run("ada.json", "bo.json", "-o", "cv.pdf/", "-f", "txt").exit_code == 0
    assert names_in("cv.pdf") == ["ada.txt", "bo.txt"]


def test_one_that_is_missing_does_not_stop_the_others(run: Run) -> None:
    put("ada.json", resume())
    result = run("nobody.json", "ada.json", "-o", "out", "-f", "txt")
    assert result.exit_code == 1
    assert names_in("out") == ["ada.txt"]
    assert result.stderr.splitlines()[:2] == ["✗ nobody.json", "    there is no such file or folder"]


def test_several_are_told_in_their_order_and_counted(run: Run) -> None:
    for number in range(5):
        put(f"in/{number}.json", resume() if number != 1 else "{")
    lines = run("in", "-o", "out", "-f", "txt").stderr.splitlines()
    told = [line.split()[1] for line in lines if line[0] in "✓✗"]
    assert told == [f"in/{number}.json" for number in range(5)]
    assert lines[-1].strip() == "4 written, 1 failed"


def test_one_is_not_counted(run: Run) -> None:
    put("ada.json", resume())
    assert "written" not in run("ada.json", "-f", "txt").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "txt", "--proof"], "--proof is ignored: only a pdf or png is read back and judged, not a txt"),
        (["-f", "docx", "--fit", "one-page"], "--fit is ignored: only a pdf or png is fitted, not a docx"),
        (["-f", "txt", "--page-size", "a4"], "--page-size is ignored: a txt has no pages"),
        (["-f", "txt", "--photo", "me.png"], "--photo is ignored: a txt has no pictures"),
        (["-f", "json", "-t", "modern"], "--template is ignored: a json has no design"),
        (["empty", "-f", "txt"], "empty: there is no .json in it"),
    ],
)
def test_what_makes_no_difference_is_said(run: Run, arguments: list[str], message: str) -> None:
    put("ada.json", resume())
    Path("empty").mkdir()
    Image.new("RGB", (100, 100), "red").save("me.png")
    result = run("ada.json", "-o", "out/", *arguments)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[0] == f"resumepair-render: {message}"


@pytest.mark.parametrize("word", ["one-page", "one_page", "ONE_PAGE", "One-Page"])
def test_capitals_and_underscores_do_not_matter(run: Run, word: str) -> None:
    put("ada.json", resume())
    result = run("ada.json", "-f", "HTML", "--fit", word, "--page-size", "LETTER", "-t", "Modern")
    assert result.exit_code == 0, result.stderr
    assert "size: Letter" in Path("ada.html").read_text(encoding="utf-8")


def test_the_same_file_named_twice_is_one(run: Run) -> None:
    put("in/ada.json", resume())
    assert run("in", "in/ada.json", "-o", "out", "-f", "txt").exit_code == 0


def test_a_place_that_cannot_be_written_is_named(run: Run) -> None:
    put("ada.json", resume())
    put("file", "")
    result = run("ada.json", "-o", "file/ada.txt")
    assert result.exit_code == 1
    assert "    cannot write file/ada.txt: Not a directory\n" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_in_the_way_is_named(run: Run) -> None:
    put("ada.json", resume())
    put("out/ada.txt/file", "")
    result = run("ada.json", "-o", "out", "-f", "txt")
    assert result.exit_code == 1
    assert "    cannot write out/ada.txt: Is a directory\n" in result.stderr


def test_a_result_replaces_what_was_there_before(run: Run) -> None:
    put("ada.json", resume())
    put("ada.txt", "old")
    assert run("ada.json", "-o", "ada.txt").exit_code == 0
    assert Path("ada.txt").read_text(encoding="utf-8") == "Ada Quill\n"
    assert Path("ada.txt").stat().st_mode & 0o777 == Path("ada.json").stat().st_mode & 0o777


def test_programs_get_a_line_of_json_a_file(run: Run) -> None:
    put("in/1.json", resume(work=[{"startDate": "soon"}]))
    put("in/2.json", resume(image="x", basics={"name": "Bo", "image": "https://example.org/bo.png"}))
    result = run("in", "-o", "out", "-f", "txt", "--json")
    failed, made = sorted(
        (json.loads(line) for line in result.stdout.splitlines()), key=lambda line: str(line["source"])
    )
    assert result.exit_code == 1
    assert failed["ok"] is False
    assert failed["code"] == "INVALID_DOCUMENT"
    assert failed["problems"] == [{"path": "work[0].startDate", "message": 'not a date: "soon"'}]
    assert (made["ok"], made["target"], made["fileName"]) == (True, "out/2.txt", "bo-resume.txt")
    assert made["warnings"][0]["path"] == "basics.image"


def test_warnings_are_told_and_no_failure(run: Run) -> None:
    put("ada.json", json.dumps({"basics": {"name": "Ada", "image": "https://example.org/ada.png"}}))
    result = run("ada.json", "-o", "ada.html")
    assert result.exit_code == 0
    assert "basics.image: the picture is left out: addresses are not fetched" in result.stderr


@pytest.mark.parametrize("data", [{"basics": {"name": "Ada"}}, {"profile": {"fullName": "Ada"}}])
def test_a_photo_may_come_from_a_file(run: Run, data: dict[str, Any]) -> None:
    required: dict[str, Any] = {} if "basics" in data else {"work": [], "education": [], "skills": []}
    put("ada.json", json.dumps({**data, **required}))
    Image.new("RGB", (100, 100), "red").save("ada.png")
    assert run("ada.json", "--photo", "ada.png", "-o", "ada.html").exit_code == 0
    assert "data:image/jpeg;base64," in Path("ada.html").read_text(encoding="utf-8")


def test_a_photo_from_a_file_is_in_the_word_document(run: Run) -> None:
    put("ada.json", resume())
    Image.new("RGB", (100, 100), "red").save("ada.png")
    assert run("ada.json", "--photo", "ada.png", "-o", "ada.docx").exit_code == 0
    with zipfile.ZipFile("ada.docx") as file:
        assert file.read("word/media/image1.jpg").startswith(b"\xff\xd8")


def test_names_are_shown_as_they_are(run: Run) -> None:
    put("[bold]x[/bold].json", "{")
    result = run("[bold]x[/bold].json", "-f", "txt")
    assert "[bold]x[/bold].json" in result.stderr


def test_templates_are_listed(run: Run) -> None:
    result = run("--list-templates")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(TEMPLATES)


def test_the_version_is_told(run: Run) -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"resumepair-render {version('resumepair-export')}\n")


def test_the_help_is_clean_on_a_narrow_terminal(run: Run) -> None:
    text = run("--help").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"[<>│╭]|\[x|bool", text) is None
    assert all(word in text for word in ("FILE|FOLDER|-", "pdf, png, html, txt, docx, json", "--proof "))


def test_every_option_is_in_the_how_to(run: Run) -> None:
    page = (ROOT / "docs/how-to/render-from-the-command-line.md").read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z-]+", run("--help").stdout)) - {"--help"}
    assert options
    assert {option for option in options if f"`{option}`" not in page} == set()


def test_a_mistake_of_ours_costs_one_file_and_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("resumepair_renderer.command.press.compose", break_down)
    put("ada.json", resume())
    result = run("ada.json", "-f", "txt")
    assert result.exit_code == 1
    assert "ZeroDivisionError: oh" in result.stderr
    assert "Traceback" not in result.stderr
