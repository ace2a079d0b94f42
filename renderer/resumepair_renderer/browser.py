"""One running Chromium with everything a hostile document could use turned off.

A `Browser` starts, opens pages and ends, by force if it must. When it dies it stays dead:
replacing it is the work of `pages`.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from playwright.async_api import Browser as Chromium
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Playwright, ProxySettings, Route, async_playwright

from resumepair_renderer.errors import BrowserUnavailable
from resumepair_renderer.fontconfig import write_fontconfig

logger = logging.getLogger("resumepair_renderer")

LAUNCH_SECONDS: Final = 20.0
CLOSE_SECONDS: Final = 3.0

_HOME_PREFIX: Final = "resumepair-renderer-"

# Requests are aborted before they leave the page. What escapes that (WebSockets, workers) meets
# a proxy that is not there; `<-loopback>` sends even loopback addresses to it.
_DEAD_PROXY: Final = ProxySettings(server="http://127.0.0.1:9", bypass="<-loopback>")
_ARGUMENTS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pings",
)


class Browser:
    """A launched Chromium. `alive` turns False once, when it is gone or given up."""

    def __init__(self, playwright: Playwright, chromium: Chromium, pid: int | None, home: Path) -> None:
        self._playwright = playwright
        self._chromium = chromium
        self._home = home
        self._on_death: Callable[[], None] | None = None
        self.pid = pid
        self.version = chromium.version
        self.alive = True
        chromium.on("disconnected", self._disconnected)

    @classmethod
    async def launch(cls, executable: Path) -> "Browser":
        """Start Chromium.

        Raises:
            BrowserUnavailable: it is not there, does not start, or takes more than 20 seconds.
        """
        await asyncio.to_thread(_remove_abandoned_homes)
        home = Path(tempfile.mkdtemp(prefix=f"{_HOME_PREFIX}{os.getpid()}-"))
        playwright: Playwright | None = None
        try:
            async with asyncio.timeout(LAUNCH_SECONDS):
                conf = await asyncio.to_thread(write_fontconfig, home)
                playwright = await async_playwright().start()
                chromium = await playwright.chromium.launch(
                    executable_path=executable,
                    args=list(_ARGUMENTS),
                    env=_environment(home, conf),
                    proxy=_DEAD_PROXY,
                    chromium_sandbox=_may_use_sandbox(),
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
                return cls(playwright, chromium, await _process_id(chromium), home)
        except BaseException as error:
            await _give_up(playwright, home)
            if isinstance(error, PlaywrightError | OSError | TimeoutError):
                raise BrowserUnavailable(f"Chromium did not start: {_first_line(error)}") from error
            raise

    def on_death(self, callback: Callable[[], None]) -> None:
        """Call `callback` once if the browser dies before it is closed."""
        self._on_death = callback

    async def open_page(self) -> Page:
        """A blank page in a context of its own, cut off from everything.

        Raises:
            PlaywrightError: the browser is gone.
        """
        context = await self._chromium.new_context(
            java_script_enabled=False,
            offline=True,
            service_workers="block",
            accept_downloads=False,
            permissions=[],
        )
        context.set_default_timeout(0)  # time limits are set by those who wait
        await context.route("**/*", _abort)
        return await context.new_page()

    async def close(self) -> None:
        """End the browser; kill it if it does not end within 3 seconds."""
        self._on_death = None
        with contextlib.suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._chromium.close()
        self.kill()
        await _give_up(self._playwright, self._home)

    def kill(self) -> None:
        """End the browser now, whatever it is doing. Does nothing when it has ended."""
        if not self.alive:
            return
        if self.pid is not None and self._chromium.is_connected():
            _kill_group(self.pid)
        self._die()

    def _disconnected(self, _: Chromium) -> None:
        if self.alive:
            self._die()

    def _die(self) -> None:
        self.alive = False
        if self._on_death is not None:
            self._on_death()


def _remove_abandoned_homes() -> None:
    """Remove the folders of processes that were killed before they could do so themselves."""
    for home in Path(tempfile.gettempdir()).glob(f"{_HOME_PREFIX}*"):
        owner = home.name.removeprefix(_HOME_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdigit() and home.stat().st_uid == os.geteuid() and not _is_alive(int(owner)):
                shutil.rmtree(home, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _environment(home: Path, conf: Path) -> dict[str, str | float | bool]:
    """Only what Chromium needs: secrets of this process are none of its business."""
    kept = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LANG": "C.UTF-8",
        "FONTCONFIG_FILE": str(conf),
    }


def _may_use_sandbox() -> bool:
    if os.geteuid() != 0:
        return True
    logger.warning("running as root: Chromium's sandbox is off")
    return False


async def _process_id(chromium: Chromium) -> int | None:
    """The process id of the browser itself, so that it can be killed when it no longer listens."""
    session = await chromium.new_browser_cdp_session()
    answer = cast("dict[str, Any]", await session.send("SystemInfo.getProcessInfo"))  # pyright: ignore[reportUnknownMemberType]
    await session.detach()
    return next(
        (int(process["id"]) for process in answer["processInfo"] if process["type"] == "browser"),
        None,
    )


async def _give_up(playwright: Playwright | None, home: Path) -> None:
    """Stop the driver and remove the browser's folder, without hanging on either."""
    if playwright is not None:
        with contextlib.suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await playwright.stop()
    await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


def _kill_group(pid: int) -> None:
    """Kill a browser with its helpers and the shell that may have started it: they share a group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        group = os.getpgid(pid)
        if group == os.getpgrp():  # not a group of its own: ours
            os.kill(pid, signal.SIGKILL)
        else:
            os.killpg(group, signal.SIGKILL)


async def _abort(route: Route) -> None:
    with contextlib.suppress(PlaywrightError):
        await route.abort("blockedbyclient")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
