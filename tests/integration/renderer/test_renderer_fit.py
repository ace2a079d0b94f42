"""One-page fit and page ends: what is changed so that a document ends where it should."""

from collections.abc import Callable
from typing import Any, Literal

import pytest

from resumepair_renderer import TEMPLATES, Fit, Renderer, RenderOptions
from resumepair_renderer.fit import LEAST_FONT_SIZE, LEAST_LINE_HEIGHT, LEAST_MARGIN, LEAST_SPACING, TAIL_LINES

pytestmark = pytest.mark.asyncio(loop_scope="session")

Documents = Callable[[str], dict[str, Any]]
Pages = Callable[[bytes], list[str]]


LINE = "One line of a summary that goes on for so many lines that it needs another page"


def resume(bullets: int, **appearance: object) -> dict[str, Any]:
    """A document that grows by a line or so with every bullet."""
    return {
        "profile": {"fullName": "Bo Rivers", "headline": "Cartographer", "email": "bo@rivers.example"},
        "work": [
            {
                "role": f"Role {job}",
                "company": f"Company {job}",
                "startDate": "2020-01",
                "descriptionBullets": [
                    f"Bullet {n} of job {job} says at some length what was done and what came of it in the end"
                    for n in range(bullets // 4)
                ],
            }
            for job in range(4)
        ],
        "education": [],
        "skills": [],
        "appearance": appearance,
    }


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("page_size", ["A4", "Letter"])
async def test_a_little_too_much_is_made_to_fit_and_said(
    renderer: Renderer, template: str, page_size: Literal["A4", "Letter"]
) -> None:
    options = RenderOptions(template=template, page_size=page_size)
    fitting = RenderOptions(template=template, page_size=page_size, fit=Fit.ONE_PAGE)
    bullets = 40
    while (await renderer.render(resume(bullets), options)).page_count == 1:
        bullets += 4
    fitted = await renderer.render(resume(bullets), fitting)
    assert fitted.page_count == 1
    assert fitted.fit is not None
    assert fitted.fit.fitted
    assert fitted.fit.density.spacing < 1
    assert fitted.proof is not None
    assert fitted.proof.score == 100


async def test_space_goes_first_and_type_only_then(renderer: Renderer) -> None:
    seen: list[tuple[float, float]] = []
    for bullets in range(32, 100, 4):
        rendered = await renderer.render(resume(bullets), RenderOptions(page_size="A4", fit=Fit.ONE_PAGE))
        assert rendered.fit is not None
        if not rendered.fit.fitted:
            break
        density = rendered.fit.density
        seen.append((density.spacing, density.font_size))
        assert density.font_size == 10 or density.spacing == LEAST_SPACING
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) > 3


async def test_what_fits_already_is_left_as_designed(renderer: Renderer) -> None:
    plain = await renderer.render(resume(8))
    fitted = await renderer.render(resume(8), RenderOptions(fit=Fit.ONE_PAGE))
    assert plain.fit is None
    assert fitted.fit is not None
    assert fitted.fit.fitted
    assert fitted.sha256 == plain.sha256


async def test_far_too_much_is_printed_as_designed_and_said(renderer: Renderer) -> None:
    rendered = await renderer.render(resume(300), RenderOptions(fit=Fit.ONE_PAGE))
    assert rendered.page_count is not None
    assert rendered.page_count > 3
    assert rendered.fit is not None
    assert not rendered.fit.fitted
    assert rendered.fit.density.font_size == 10


@pytest.mark.parametrize("name", ["layla-arabic", "haruka-japanese", "otto-json-resume"])
async def test_nothing_goes_below_the_floor(renderer: Renderer, document: Documents, name: str) -> None:
    data = document(name)
    data["appearance"] = {"typography": {"fontSize": 16, "lineHeight": 2}, "margin": 40}
    rendered = await renderer.render(data, RenderOptions(fit=Fit.ONE_PAGE))
    assert rendered.fit is not None
    density = rendered.fit.density
    assert density.spacing >= LEAST_SPACING
    assert density.font_size >= LEAST_FONT_SIZE
    assert density.line_height >= LEAST_LINE_HEIGHT
    assert density.margin >= LEAST_MARGIN


async def test_what_is_smaller_than_the_floor_by_wish_stays_so(renderer: Renderer) -> None:
    data = resume(200, typography={"fontSize": 7, "lineHeight": 1}, margin=6)
    rendered = await renderer.render(data, RenderOptions(fit=Fit.ONE_PAGE))
    assert rendered.fit is not None
    density = rendered.fit.density
    assert (density.font_size, density.line_height, density.margin) == (7, 1, 6)


async def test_fitting_is_the_same_every_time_and_leaves_the_page_clean(renderer: Renderer) -> None:
    options = RenderOptions(page_size="A4", fit=Fit.ONE_PAGE)
    plain = await renderer.render(resume(40), RenderOptions(page_size="A4"))
    fitted = await renderer.render(resume(64), options)
    assert (await renderer.render(resume(64), options)).sha256 == fitted.sha256
    for _ in range(3):  # on whichever page
        assert (await renderer.render(resume(40), RenderOptions(page_size="A4"))).sha256 == plain.sha256


@pytest.mark.parametrize("template", TEMPLATES)
async def test_a_last_page_that_holds_next_to_nothing_is_pulled_onto_the_one_before(
    renderer: Renderer, pages_of: Pages, template: str
) -> None:
    pulled = left = 0
    for lines_in_all in range(36, 76, 3):
        data = resume(0)
        data["summary"] = "\n".join(f"{LINE} {n}" for n in range(lines_in_all))
        rendered = await renderer.render(data, RenderOptions(template=template, page_size="A4"))
        pages = pages_of(rendered.content)
        lines = [line for line in pages[-1].splitlines() if line.strip()]
        if rendered.fit is not None:
            assert (rendered.fit.requested, rendered.fit.fitted) == (Fit.NONE, True)
            assert rendered.fit.density.font_size == TEMPLATES[template].font_size
            pulled += 1
        elif len(pages) > 1 and len(lines) - 1 <= TAIL_LINES:
            left += 1
    assert pulled > left
