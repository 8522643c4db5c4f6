"""The site as the engine sees it: rebuilt by its generator, then looked at.

The output folder is looked at first; a page that is missing there needs another build. The live
page comes second; a page that is missing there only needs time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from publisher import locks, rebuild, verify
from publisher.errors import SiteError
from publisher.model import Post
from publisher.rebuild import RebuildResult
from publisher.settings import Settings

__all__ = ["GeneratedSite", "Look", "RebuildResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at a post's page found."""

    ok: bool
    reason: str = ""
    needs_rebuild: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedSite:
    """A site built by the command of ``jobs.yaml``.

    ``environ`` is what the build may see; it holds no credentials of ours.
    """

    settings: Settings
    environ: Mapping[str, str]

    def rebuild(self, stop: threading.Event) -> RebuildResult:
        """Run the rebuild once; without a rebuild command the site is taken as built elsewhere.

        A build that an earlier, killed process left running is waited for.
        """
        settings = self.settings.rebuild
        if settings is None:
            return RebuildResult(ok=True, reason="no rebuild command", tail="", seconds=0.0)
        state_dir, root = self.settings.state_dir, self.settings.site.root
        try:
            with locks.hold_for_build(state_dir, patience=settings.timeout, stop=stop) as lock:
                return rebuild.run(
                    settings, cwd=root, environ=self.environ, stop=stop, keep_open=(lock,)
                )
        except SiteError as error:
            reason = error.one_line
            return RebuildResult(ok=False, reason=reason, tail="", seconds=0.0)

    def verify(self, post: Post, body: str) -> Look:
        """Look at the built page, then at the live one."""
        excerpts = verify.excerpts(body)
        settings = self.settings
        if settings.rebuild is not None:
            built = verify.verify_output(
                post,
                excerpts,
                settings=settings.verify,
                rebuild=settings.rebuild,
                site_url=settings.site.url,
            )
            if not built.ok:
                return Look(ok=False, reason=built.reason, needs_rebuild=True)
        if settings.verify.live:
            live = verify.verify_live(
                post, excerpts, settings=settings.verify, site_url=settings.site.url
            )
            if not live.ok:
                return Look(ok=False, reason=live.reason)
        return Look(ok=True)
