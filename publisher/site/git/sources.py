"""The sources' repository in the course of a site's work: pulled, committed, pushed, in due time.

What is not done yet is on disk, in ``state_dir``: no kill and no restart forgets it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from publisher.config.settings import GitSettings, Settings
from publisher.model import Cause, LedgerView, PostId, PostState, ReleaseState
from publisher.model.errors import GitError, PublisherError
from publisher.posts.library import Library
from publisher.site.git import incoming
from publisher.site.git.repository import BeforeMove, Repository
from publisher.site.git.run import NETWORK_LIMIT, Git
from publisher.system.files import os_errors_as
from publisher.system.notes import write_note

PULL_EVERY, AGAIN = timedelta(minutes=1), timedelta(minutes=5)  # after a failure
HASTE = timedelta(seconds=30)  # a release may have to wait for it
PUSH_LIMIT = timedelta(seconds=90)  # with a pull after it as long as a quiet time at least is


@dataclass(slots=True, kw_only=True)
class Sources:
    """``environ`` is what git and the user's credential helpers see."""

    settings: Settings
    environ: Mapping[str, str]
    library: Library
    stop: threading.Event
    _pulled_at: datetime | None = field(default=None, init=False)
    _pull_every: timedelta = field(default=PULL_EVERY, init=False)
    _pushed_at: datetime | None = field(default=None, init=False)

    def pull(self, now: datetime) -> bool | None:
        """Bring the sources up to date, once a minute, where ``jobs.yaml`` says so.

        Tells whether anything came; ``None``: it was not tried. It takes half a minute at most,
        and is tried again five minutes after it failed.

        :raises GitError: when it cannot be done; then nothing has changed.
        """
        git = self.settings.git
        if git is None or not git.pull or not is_time(self._pulled_at, now, self._pull_every):
            return None
        self._pulled_at, self._pull_every = now, AGAIN
        pulled = self._open(git, self.stop, HASTE).pull(before_move=self._before_move())
        self._pull_every = PULL_EVERY
        incoming.forget(self.settings)
        return pulled.new != pulled.old

    def accept(self, change: incoming.Incoming) -> None:
        """Pull with the change of ``jobs.yaml`` that a person has seen, and with no other.

        :raises GitError: when that cannot be done; then nothing has changed.
        """
        if self.settings.git is None:
            raise GitError("git: is not set in jobs.yaml, so there is nothing to pull")
        repository = self._open(self.settings.git, self.stop)
        repository.pull(before_move=self._before_move(change.digest))
        incoming.forget(self.settings)

    def _before_move(self, accepted: str = "") -> BeforeMove:
        """Take no commit that changes ``jobs.yaml``, but the accepted one; note that some came."""

        def look(git: Git, old: str, new: str) -> None:
            found = incoming.find(git, old, new, self.settings)
            if found is not None and found.digest != accepted:
                incoming.hold(self.settings, found)
            with os_errors_as(GitError, str(self._news), "cannot be written"):
                self._news.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._news.touch(mode=0o600)

        return look

    @property
    def has_news(self) -> bool:
        """Tell whether commits came for which no build has begun."""
        return self._news.exists()

    def forget_news(self) -> None:
        with suppress(OSError):  # at worst there is one build more
            self._news.unlink(missing_ok=True)

    def commit(
        self, posts: Sequence[PostId], view: LedgerView, now: datetime, stop: threading.Event
    ) -> None:
        """Commit what releases and withdrawals changed, and push; other edits are their author's.

        A push is tried each time: an earlier one may have been cut short. Where the site goes
        public by another way, a failure is only noted, for ``push_pending``.

        :raises PublisherError: when that cannot be done, and a host builds what is pushed.
        """
        git = self.settings.git
        if git is not None and (git.commit or git.push):
            limit = HASTE if self._is_public_without_push else NETWORK_LIMIT
            self._commit(git, posts, view, now, limit=limit, stop=stop)

    def push_pending(self, view: LedgerView, now: datetime) -> None:
        """Commit and push what could not be at a release, every five minutes.

        Whether that succeeded, ``trouble`` says.
        """
        git = self.settings.git
        if git is not None and self.trouble and is_time(self._pushed_at, now, AGAIN):
            with suppress(PublisherError):  # then what is noted stands
                self._commit(git, (), view, now, limit=PUSH_LIMIT, stop=self.stop)

    @property
    def trouble(self) -> str:
        """Say why not all is committed and pushed though releases went on, if so."""
        is_asked = self.settings.git is not None and self._is_public_without_push
        why = self._read_pending()[1] if is_asked else ""
        return f"not all is committed and pushed: {why}" if why else ""

    # --- parts -----------------------------------------------------------------------------

    def _commit(
        self,
        git: GitSettings,
        posts: Sequence[PostId],
        view: LedgerView,
        now: datetime,
        *,
        limit: timedelta,
        stop: threading.Event,
    ) -> None:
        self._pushed_at = now
        changed = [post for post in posts if _is_ours(post, view)]
        due = tuple(dict.fromkeys([*self._read_pending()[0], *changed]))
        try:
            released: dict[str, str] = {}
            withdrawn: dict[str, str] = {}
            for post in self.library.scan(view, now).posts:
                if post.id in due:
                    files = released if post.state is PostState.PUBLISHED else withdrawn
                    files[post.id] = post.path
            repository = self._open(git, stop, limit)
            if git.commit and (released or withdrawn):
                paths = self.library.files_of(due, repository.committed)
                repository.commit_release(released, paths, withdrawn=withdrawn)
            due = ()  # what is edited from here on is the author's
            if git.push:
                repository.push(before_move=self._before_move())
        except PublisherError as error:
            if stop.is_set() or not self._is_public_without_push:
                raise
            write_note(self._pending, {"posts": due, "why": error.one_line})
        else:
            with suppress(OSError):
                self._pending.unlink(missing_ok=True)

    def _open(
        self, git: GitSettings, stop: threading.Event, limit: timedelta = NETWORK_LIMIT
    ) -> Repository:
        project = self.settings.project
        return Repository.open(project, git, environ=self.environ, stop=stop, network_limit=limit)

    def _read_pending(self) -> tuple[tuple[PostId, ...], str]:
        """Give the posts whose change is not committed yet, and why the push is pending."""
        try:
            known = json.loads(self._pending.read_bytes())
            return tuple(map(PostId, known["posts"])), str(known["why"])
        except (OSError, ValueError, LookupError, TypeError):
            return (), ""

    @property
    def _is_public_without_push(self) -> bool:
        """Tell whether no host builds from the sources: a branch or command of ours brings it."""
        git, deploy = self.settings.git, self.settings.deploy
        is_asked = deploy.hook is not None or deploy.github is not None
        has_branch = git is not None and bool(git.deploy_branch)
        return has_branch or (bool(deploy.command) and not is_asked)

    @property
    def _pending(self) -> Path:
        return self.settings.state_dir / "unpushed.json"

    @property
    def _news(self) -> Path:
        return self.settings.state_dir / "commits-came"


def is_time(last: datetime | None, now: datetime, every: timedelta) -> bool:
    """Tell whether something is to be done again; also when the clock was set back."""
    return last is None or not timedelta(0) <= now - last < every


def _is_ours(post: PostId, view: LedgerView) -> bool:
    """Tell whether a release or withdrawal changed the files of a post that is to be built.

    A withdrawn one may be scheduled again by now. A date that was moved, and a file that was
    deleted, are their author's to commit.
    """
    record = view.releases.get(post)
    if record is None or record.state in (ReleaseState.REVEALING, ReleaseState.LIVE):
        return True
    return record.state is not ReleaseState.GONE and record.cause is not Cause.RESCHEDULED
