"""Builds a copy of the site with every coming post released, and looks at what comes of it.

So what would stop a release is known when it can still be mended: a page that the generator does
not make, a card without its image, a feed that leaves the post out. The real files, the ledger
and the output stay as they are. Addresses that are not known yet are kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event as Flag

from publisher.config.settings import RebuildSettings, Settings, VerifySettings
from publisher.embargo.embargoed_text import needs_stage
from publisher.embargo.first_build import refuse_vanishing
from publisher.model import (
    LedgerView,
    Post,
    PostId,
    PostState,
    Problem,
    ReleaseRecord,
    ReleaseState,
)
from publisher.model.errors import PublisherError, SiteError, VanishingError
from publisher.model.secret import Secret, SecretRef
from publisher.posts.address_book import Address, AddressBook
from publisher.posts.library import Library
from publisher.site import verify
from publisher.site.build import RebuildResult
from publisher.site.scratch import copy_project, hold
from publisher.site.site import GeneratedSite
from publisher.views.site_state import SiteState

QUIET = {  # build tools must not call home from a trial
    "ASTRO_TELEMETRY_DISABLED": "1",
    "DO_NOT_TRACK": "1",
    "NO_UPDATE_NOTIFIER": "1",
    "npm_config_update_notifier": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What a trial build showed; ``addresses`` are those of the coming posts once released."""

    problems: tuple[Problem, ...]
    addresses: Mapping[PostId, str]
    vanishing: tuple[str, ...] = ()  # pages that are public, and not in the first build


def preflight(seen: SiteState, *, environ: Mapping[str, str]) -> Preflight:
    """Release every coming post in a copy of the site, build that, and look at each page.

    ``environ`` is what the build sees. The copy is made below the state folder, and deleted.

    :raises PublisherError: when the site has no ``rebuild``, or the copy cannot be made.
    """
    settings = seen.settings
    if settings.rebuild is None:
        raise PublisherError(
            "jobs.yaml has no `rebuild`, so there is no build to try",
            hint="name the command that builds the site: rebuild: {command: […], output: …}",
        )
    coming = [post for post in seen.scan.posts if post.state is PostState.SCHEDULED]
    place = settings.state_dir / "trial"
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    try:
        with hold(place):
            trial = _Trial(seen=seen, copy=copy_project(settings, place), environ=environ)
            return trial.run(coming)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    seen: SiteState
    copy: Settings
    environ: Mapping[str, str]

    def run(self, coming: list[Post]) -> Preflight:
        now, view = self.seen.now, _with_live(self.seen.view, coming, self.seen.now)
        library = Library.of(self.copy)
        library.scan()
        problems = [problem for post in coming for problem in self._release(library, post)]
        built = self._build(library, [post.id for post in coming], view, now)
        if not built.ok:
            file = self.seen.settings.file.name
            said = "the trial build failed" if built.tail else built.reason
            problems.append(Problem.error("trial-build", file, said, built.tail))
            return Preflight(problems=tuple(problems), addresses={})
        addresses = AddressBook(self.copy.state_dir).read()
        self._keep(addresses)
        released = {post.id: post for post in library.scan().posts}
        for post in coming:
            if post.id in released:
                problems += self._look(library, released[post.id], addresses.get(post.path))
        return Preflight(
            problems=tuple(problems),
            addresses={p.id: addresses[p.path].url for p in coming if p.path in addresses},
            vanishing=self._vanishing(),
        )

    def _vanishing(self) -> tuple[str, ...]:
        """Find the pages that a first build would take away."""
        settings = self.seen.settings
        if self.copy.rebuild is None or not needs_stage(settings.embargo, self.seen.scan.posts):
            return ()
        try:
            refuse_vanishing(settings, self.copy.rebuild.output)
        except VanishingError as error:
            return error.pages
        return ()

    def _release(self, library: Library, post: Post) -> Iterator[Problem]:
        try:
            library.flip(post)
        except PublisherError as error:
            yield Problem.error("trial-release", post.path, error.what, error.hint)

    def _build(
        self, library: Library, posts: list[PostId], view: LedgerView, now: datetime
    ) -> RebuildResult:
        site = GeneratedSite(
            settings=replace(self.copy, verify=replace(self.copy.verify, live=False)),
            environ={**self.environ, **QUIET},
            library=library,
            resolve=_refuse,
        )
        return site.rebuild(posts, view, now, Flag())

    def _look(self, library: Library, post: Post, address: Address | None) -> Iterator[Problem]:
        """Look at the page of a post as it will be on its day."""
        if address is None or self.copy.rebuild is None:
            hint = "see why the generator leaves it out: a draft flag, a filter by date, the folder"
            yield Problem.error("trial-page", post.path, "the build makes no page of it", hint)
            return
        known = AddressBook(self.seen.settings.state_dir).read().get(post.path)
        if known is not None and known.url != address.url:
            yield Problem.warning(
                "trial-address",
                post.path,
                f"its address will change at the release, from {known.url} to {address.url}",
                "a redirect will lead on; to keep the address, see what the generator makes it of",
            )
        lists = self.copy.verify
        page = replace(lists, feed=None, sitemap=None, index=None)
        if reason := self._wrong(library, post, page, self.copy.rebuild):
            yield Problem.error("trial-page", post.path, reason)
        elif reason := self._wrong(library, post, lists, self.copy.rebuild):
            hint = "lists may leave out what has a future date; then this is fine"
            yield Problem.warning("trial-list", post.path, reason, hint)

    def _wrong(
        self,
        library: Library,
        post: Post,
        settings: VerifySettings,
        rebuild: RebuildSettings,
    ) -> str:
        found = verify.verify_output(
            post,
            verify.excerpts(library.body(post)),
            settings=settings,
            rebuild=rebuild,
            site_url=self.copy.site.url,
        )
        return found.reason

    def _keep(self, learned: Mapping[str, Address]) -> None:
        """Keep the addresses of what no real build has told about; the next one looks again."""
        book = AddressBook(self.seen.settings.state_dir)
        known = book.read()
        book.write({path: replace(new, source="") for path, new in learned.items()} | {**known})


def _with_live(view: LedgerView, coming: list[Post], now: datetime) -> LedgerView:
    """Give the ledger as it will be once these posts are live."""
    live = {
        post.id: ReleaseRecord(
            post=post.id,
            path=post.path,
            digest=post.digest,
            state=ReleaseState.LIVE,
            release_at=post.release_at,
            live_at=now,
        )
        for post in coming
    }
    return replace(view, releases={**view.releases, **live})


def _refuse(reference: SecretRef) -> Secret:
    raise SiteError(f"a trial build needs no secret, and {reference.name} was asked for")
