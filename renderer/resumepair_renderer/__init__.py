"""Résumés in, PDFs out: `Renderer` prints a canonical document or JSON Resume with Chromium.

A leaf: it knows no database, no queue and no storage, and somebody could use it alone.
"""

from resumepair_renderer.chromium import find_chromium
from resumepair_renderer.compose import compose
from resumepair_renderer.document import ResumeDocument
from resumepair_renderer.errors import (
    BrowserUnavailable,
    DocumentTooLarge,
    InvalidDocument,
    InvalidOptions,
    InvalidPdf,
    Problem,
    RenderError,
    RenderTimeout,
)
from resumepair_renderer.finding import Finding, FindingCode
from resumepair_renderer.fit import FitReport
from resumepair_renderer.html import render_html
from resumepair_renderer.intake import parse_document
from resumepair_renderer.options import Fit, Format, RenderOptions
from resumepair_renderer.proof import Proof
from resumepair_renderer.rendered import Rendered
from resumepair_renderer.renderer import Renderer, RendererSettings, RenderStage
from resumepair_renderer.templates import TEMPLATES

__all__ = [
    "TEMPLATES",
    "BrowserUnavailable",
    "DocumentTooLarge",
    "Finding",
    "FindingCode",
    "Fit",
    "FitReport",
    "Format",
    "InvalidDocument",
    "InvalidOptions",
    "InvalidPdf",
    "Problem",
    "Proof",
    "RenderError",
    "RenderOptions",
    "RenderStage",
    "RenderTimeout",
    "Rendered",
    "Renderer",
    "RendererSettings",
    "ResumeDocument",
    "compose",
    "find_chromium",
    "parse_document",
    "render_html",
]
