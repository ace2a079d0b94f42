"""The command `resumepair-render`: documents in, files out, without database or queue."""

from resumepair_renderer.command.app import main

__all__ = ["main"]
