"""The fonts Chromium sees: ours and no others, so that a document looks the same everywhere."""

from importlib.resources import files
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from resumepair_renderer.typeface import SANS, SERIF, families

_CONF: Final = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <config><rescan><int>0</int></rescan></config>
  {aliases}
</fontconfig>
"""
_ALIAS: Final = "<alias><family>{name}</family><prefer>{families}</prefer></alias>"


def write_fontconfig(folder: Path) -> Path:
    """Write `fonts.conf`, with its cache, into `folder`; give it to Chromium as FONTCONFIG_FILE."""
    fonts = Path(str(files("resumepair_renderer").joinpath("fonts")))
    conf = folder / "fonts.conf"
    conf.write_text(
        _CONF.format(
            fonts=escape(str(fonts)),
            cache=escape(str(folder / "font-cache")),
            aliases="\n  ".join((_alias("serif", SERIF), _alias("sans-serif", SANS), _alias("monospace", SANS))),
        ),
        encoding="utf-8",
    )
    return conf


def _alias(name: str, first: str) -> str:
    order = dict.fromkeys((first, *families()))
    return _ALIAS.format(name=name, families="".join(f"<family>{family}</family>" for family in order))
