"""Résumés in, PDFs out: `Renderer` prints a canonical document or JSON Resume with Chromium.

A leaf: it knows no database, no queue and no storage, and somebody could use it alone.
"""

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
from resumepair_renderer.html import render_html
from resumepair_renderer.intake import parse_document
from resumepair_renderer.options import RenderOptions
from resumepair_renderer.renderer import RenderedPdf, Renderer, RendererSettings, RenderStage
from resumepair_renderer.templates import TEMPLATES

__all__ = [
    "TEMPLATES",
    "BrowserUnavailable",
    "DocumentTooLarge",
    "InvalidDocument",
    "InvalidOptions",
    "InvalidPdf",
    "Problem",
    "RenderError",
    "RenderOptions",
    "RenderStage",
    "RenderTimeout",
    "RenderedPdf",
    "Renderer",
    "RendererSettings",
    "ResumeDocument",
    "parse_document",
    "render_html",
]
