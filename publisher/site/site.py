"""The site as the engine sees it: staged, built, searched, deployed; then looked at.

Whatever goes public goes through ``rebuild``: nothing of a build leaves before the whole of it
was searched for the text of posts under embargo. Of what is public the output folder is looked at
first; a page that is missing there needs another build. The live page comes second; a page that
is missing there only needs time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from publisher.config.settings import GitSettings, Settings
from publisher.embargo.embargoed_text import needs_stage
from publisher.embargo.first_build import refuse_vanishing
from publisher.embargo.gate import inspect_files, publish_if_clean
from publisher.embargo.left_out import read_left_out, write_left_out
from publisher.embargo.output_watch import OutputWatch
from publisher.embargo.stage import Stage, Staged
from publisher.embargo.stage.theme_data import stage_with_data, withdrawn
from publisher.model import LedgerView, Post, PostId, PostState
from publisher.model.errors import PublisherError, SiteError
from publisher.model.secret import Secret, SecretRef
from publisher.posts import blocks
from publisher.posts.address_book import Address, AddressBook
from publisher.posts.library import Library, Scan, page_test
from publisher.site import build, verify
from publisher.site.build import RebuildResult
from publisher.site.deploy import deploy
from publisher.site.deploy.loop_guard import LoopGuard
from publisher.site.git import Repository
from publisher.site.git.sources import Sources, is_time
from publisher.site.learning import learn
from publisher.system import locks

__all__ = ["GeneratedSite", "Look", "RebuildResult"]

PUSH, DEPLOY_LOOP = "push.failed", "deploy.restless"
OVERWRITTEN = "output.overwritten"
BUILDS = 3  # one more for each time that a post is taken back meanwhile
LOOK_EVERY = timedelta(minutes=1)  # at files that are no posts; those are seen at every sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at a post's page found."""

    ok: bool
    reason: str = ""
    needs_rebuild: bool = False


@dataclass(slots=True, kw_only=True)
class GeneratedSite:
    """A site built by the command of ``jobs.yaml``.

    ``environ`` is what the build may see; it holds no credentials of ours. ``resolve`` fetches
    a secret of the deployment.
    """

    settings: Settings
    environ: Mapping[str, str]
    library: Library
    resolve: Callable[[SecretRef], Secret]
    stop: threading.Event = field(default_factory=threading.Event)
    _sources: Sources = field(init=False)
    _looked_at: datetime | None = field(default=None, init=False)
    _seen: Scan | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._sources = Sources(
            settings=self.settings, environ=self.environ, library=self.library, stop=self.stop
        )

    # --- in quiet times --------------------------------------------------------------------

    def pull(self, now: datetime) -> bool | None:
        """Bring the sources up to date by git: see ``Sources.pull``.

        :raises GitError: when it cannot be done; then nothing has changed.
        """
        return self._sources.pull(now)

    def push(self, view: LedgerView, now: datetime) -> None:
        """Push what a release could not push; whether it succeeds, ``troubles`` says."""
        self._sources.push_pending(view, now)

    def troubles(self) -> Mapping[str, str]:
        """Say what stands though releases go on, by name; reads only."""
        loop = self._loop_guard.trouble if self.settings.deploy.command else ""
        overwritten = self._overwritten.trouble if self._overwritten else ""
        found = {PUSH: self._sources.trouble, DEPLOY_LOOP: loop, OVERWRITTEN: overwritten}
        return {name: why for name, why in found.items() if why}

    def is_outdated(self, scan: Scan, view: LedgerView, now: datetime) -> bool:
        """Tell whether commits came, a file changed or a badge settled since the latest build.

        Without a stage only commits count: any other build but for releases is somebody else's
        affair. Where a build is under way, that is seen later.
        """
        if self._sources.has_news:
            return True
        if not (self._is_staged(scan) and self._is_made_here):
            return False
        if scan == self._seen and not is_time(self._looked_at, now, LOOK_EVERY):
            return False
        with locks.try_for_build(self.settings.state_dir) as is_free:
            if not is_free:
                return False
            self._stage(scan, view, now)
        self._seen, self._looked_at = scan, now
        is_restless = bool(self.settings.deploy.command) and self._loop_guard.wants_build(now)
        if Stage(self.settings).is_unbuilt or is_restless:
            return True
        return self._overwritten is not None and self._overwritten.wants_build(now)

    # --- from files to the public ---------------------------------------------------------

    def rebuild(
        self, posts: Sequence[PostId], view: LedgerView, now: datetime, stop: threading.Event
    ) -> RebuildResult:
        """Take what the files say to the public: commit, stage, build, search, deploy.

        Without anything of it in ``jobs.yaml`` the site is taken as built elsewhere. A build that
        an earlier, killed process left running is waited for. Safe to repeat; whatever fails, what
        is public stays as it was, or is older than it should be.
        """
        settings = self.settings
        if not self._is_made_here:
            return RebuildResult(ok=True, reason="no rebuild command")
        patience = settings.rebuild.timeout if settings.rebuild else settings.deploy.timeout
        try:
            with locks.hold_for_build(settings.state_dir, patience=patience, stop=stop) as lock:
                return self._build_and_deploy(posts, view, now, stop, lock)
        except PublisherError as error:
            return RebuildResult(ok=False, reason=error.one_line)

    def _build_and_deploy(
        self,
        posts: Sequence[PostId],
        view: LedgerView,
        now: datetime,
        stop: threading.Event,
        lock: int,
    ) -> RebuildResult:
        settings = self.settings
        for _ in range(BUILDS):
            self._sources.commit(posts, view, now, stop)
            self._sources.forget_news()
            scan = self.library.scan(view, now)
            staged = self._stage(scan, view, now) if self._is_staged(scan) else None
            if staged is not None and settings.deploy.command and settings.rebuild is None:
                raise SiteError(
                    "deploy.command without rebuild.command would deploy posts under embargo",
                    why="it runs where the sources are; only a build goes through stage and search",
                    hint="let rebuild.command build the site, and deploy.command take its output",
                )
            begun_ns = Stage(settings).begin_build() if staged is not None else None
            built = self._build(staged, stop, lock)
            if not built.ok:
                return built
            if _public(scan) <= _public(self.library.scan(view, now)):
                break
        else:
            reason = f"posts were withdrawn during each of {BUILDS} builds"
            return replace(built, ok=False, reason=reason)
        addresses = self._learn(scan, staged, begun_ns)
        if staged is not None:
            urls = {path: address.url for path, address in addresses.items()}
            staged = replace(staged, addresses=urls)
            if settings.rebuild is not None:
                refuse_vanishing(settings, staged.output)
                publish_if_clean(
                    staged,
                    settings.rebuild.output,
                    record=settings.state_dir / "stage" / "mirrored.json",
                    site_url=settings.site.url,
                    redirects=self._redirects(scan, view, now, addresses),
                )
            left_out = self._left_out(staged) - read_left_out(settings.state_dir)
            built = replace(built, left_out=tuple(sorted(left_out)))
        is_first = Stage(settings).is_unbuilt
        public = {post for post, _ in _public(scan)}
        done = self._deploy([p for p in posts if p in public], staged, built, stop, lock)
        if done.ok and staged is not None:
            self._mark_built(staged, view, now, is_first=is_first)
        elif done.ok and self._overwritten is not None:
            self._overwritten.forget()
        return done

    def _stage(self, scan: Scan, view: LedgerView, now: datetime) -> Staged:
        return stage_with_data(self.settings, scan, view, now, environ=self.environ)

    def _learn(
        self, scan: Scan, staged: Staged | None, begun_ns: int | None
    ) -> Mapping[str, Address]:
        """Learn where the build put the posts; give all addresses that are known."""
        settings = self.settings
        if settings.rebuild is None:
            return {}
        return learn(
            AddressBook(settings.state_dir),
            scan.posts,
            sources=staged.folder if staged else settings.project,
            output=staged.output if staged else settings.rebuild.output,
            site=settings.site,
            begun_ns=begun_ns,
        )

    def _build(self, staged: Staged | None, stop: threading.Event, lock: int) -> RebuildResult:
        settings, root = self.settings.rebuild, self.settings.site.root
        if settings is None:
            return RebuildResult(ok=True, reason="no rebuild command")
        if staged is not None:
            settings, root = replace(settings, output=staged.output), staged.root
        built = build.run(settings, cwd=root, environ=self.environ, stop=stop, keep_open=(lock,))
        if built.ok or staged is None:
            return built
        hint = "if the generator complains of a frontmatter key, name it under site.keys.keep"
        return replace(built, reason=f"{built.reason} ({hint})")

    def _deploy(
        self,
        posts: Sequence[PostId],
        staged: Staged | None,
        built: RebuildResult,
        stop: threading.Event,
        lock: int,
    ) -> RebuildResult:
        settings = self.settings
        git = settings.git
        if git is not None and git.deploy_branch and staged is not None:
            output = staged.output.relative_to(staged.folder).as_posix()
            ours = settings.file.name  # addresses of the operator may stand in there
            self._repository(git, stop).deploy(
                staged.folder,
                posts,
                leave_out=(output, ours),
                inspect=partial(inspect_files, staged),
            )
        done = deploy(
            settings.deploy,
            project=settings.project,
            environ=self.environ,
            resolve=self.resolve,
            output=settings.rebuild.output if settings.rebuild else None,
            posts=posts,
            stop=stop,
            keep_open=(lock,),
        )
        if not done.ok:
            reason = f"the build is good, its deployment failed: {done.reason}"
            return replace(built, ok=False, reason=reason, tail=done.tail)
        return built

    def _left_out(self, staged: Staged) -> set[str]:
        """Give the pages that the site is without; of archetypes and the like none is made."""
        return set(filter(page_test(self.settings.site, self.settings.project), staged.withheld))

    def _mark_built(
        self, staged: Staged, view: LedgerView, now: datetime, *, is_first: bool
    ) -> None:
        """Remember that what is staged is public, and what changed while the command ran."""
        stage = Stage(self.settings)
        stage.mark_built()
        with suppress(PublisherError, OSError):  # then the next look sees what changed
            write_left_out(self.settings.state_dir, self._left_out(staged))
            if self._overwritten is not None:
                self._overwritten.record()
            if not self.settings.deploy.command:
                return
            again = self._stage(self.library.scan(view, now), view, now)
            self._loop_guard.record(again.changed, now, is_first=is_first)
            stage.mark_built()

    # --- looking ---------------------------------------------------------------------------

    def verify(self, post: Post, body: str) -> Look:
        """Look at the built page, then at the live one."""
        settings = self.settings
        is_shown = not settings.site.generator.blocks
        excerpts = verify.excerpts(body if is_shown else blocks.without_blurred(body))
        url, rebuild = settings.site.url, settings.rebuild
        if rebuild is not None:
            built = verify.verify_output(
                post, excerpts, settings=settings.verify, rebuild=rebuild, site_url=url
            )
            if not built.ok:
                return Look(ok=False, reason=built.reason, needs_rebuild=True)
        if not settings.verify.live:
            return Look(ok=True)
        output = rebuild.output if rebuild is not None else None
        live = verify.verify_live(
            post, excerpts, settings=settings.verify, site_url=url, output=output
        )
        return Look(ok=live.ok, reason=live.reason)

    # --- parts -----------------------------------------------------------------------------

    @property
    def _is_made_here(self) -> bool:
        settings = self.settings
        return bool(settings.rebuild or settings.git or settings.deploy.is_set)

    @property
    def _loop_guard(self) -> LoopGuard:
        return LoopGuard(self.settings.state_dir / "stage" / "restless.json")

    @property
    def _overwritten(self) -> OutputWatch | None:
        if self.settings.rebuild is None:
            return None
        home = self.settings.state_dir / "stage"
        output = self.settings.rebuild.output
        return OutputWatch(home / "overwritten.json", home / "mirrored.json", output)

    def _is_staged(self, scan: Scan) -> bool:
        return needs_stage(self.settings.embargo, scan.posts)

    def _repository(self, git: GitSettings, stop: threading.Event | None = None) -> Repository:
        return Repository.open(self.settings.project, git, environ=self.environ, stop=stop)

    def _redirects(
        self, scan: Scan, view: LedgerView, now: datetime, addresses: Mapping[str, Address]
    ) -> dict[str, str]:
        """Give where former addresses lead, and the pages of withdrawn posts."""
        target, url = self.settings.withdrawn, self.settings.site.url
        gone = withdrawn(scan.posts, view, now)
        known = [(post, addresses[post.path]) for post in scan.posts if post.path in addresses]
        taken = {address.url for _, address in known}
        moved = {
            former.removeprefix(url): address.url.removeprefix(url)
            for post, address in known
            for former in address.former
            if post.id not in gone and former not in taken
        }
        if target is None:
            return moved
        at = {post.path: address.url for post, address in known}
        return moved | {
            at.get(post.path, post.url).removeprefix(url): target
            for post in scan.posts
            if post.id in gone
        }


def _public(scan: Scan) -> frozenset[tuple[PostId, str]]:
    """Give the posts that the files say are public, with the path of each."""
    public = (post for post in scan.posts if post.state is PostState.PUBLISHED)
    return frozenset((post.id, post.path) for post in public)
