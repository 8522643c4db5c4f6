"""Rehearses the whole calendar: the real engine in virtual time, on a scratch copy of the site.

Flips, builds, looks and ledger are real; the site is served on this machine only, and every
channel is an outbox of its shape that speaks with the real channel's voice. Nothing outside the
scratch folder is changed. The ledger begins empty; of the real one only those posts count that no
date brings: what is withdrawn, and what was public before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console

from publisher.config.settings import Settings
from publisher.config.voices import voice_of
from publisher.engine import assemble
from publisher.engine.tick import Engine, OpenChannels
from publisher.model import (
    DeliveryState,
    LedgerView,
    Observe,
    Post,
    PostId,
    PostState,
    Problem,
    ReleaseRecord,
    ReleaseState,
    Sight,
)
from publisher.model.errors import PublisherError, SiteError
from publisher.plan import plan
from publisher.plan.builder import is_old
from publisher.plan.deliveries import planned_at
from publisher.posts.library import Library, Scan
from publisher.rehearse import offline_copy, preview_server
from publisher.rehearse.fakes import ServedSite, outboxes_for
from publisher.rehearse.progress import Progress, line_of
from publisher.rehearse.report import Announced, Rehearsal, Row
from publisher.site import verify
from publisher.site.scratch import copy_project, hold
from publisher.system.clock import VirtualClock
from publisher.text.html import fold, read_page
from publisher.views.issues import held
from publisher.views.site_state import open_ledger
from publisher.views.words import full_sentence

HEAD_START = timedelta(minutes=1)  # so that the site is first seen under embargo
TICKS_PER_STEP = 5  # a bound for what never comes to rest; each needs one or two
QUIET = {  # build tools must not call home, or write there, from a rehearsal
    "ASTRO_TELEMETRY_DISABLED": "1",
    "DO_NOT_TRACK": "1",
    "NO_UPDATE_NOTIFIER": "1",
    "npm_config_logs_max": "0",
    "npm_config_update_notifier": "false",
}
SENT = (DeliveryState.SENT, DeliveryState.CONFIRMED)


def rehearse(
    settings: Settings,
    *,
    scratch: Path,
    environ: Mapping[str, str],
    now: datetime | None,
    today: datetime,
    console: Console,
) -> Rehearsal:
    """Play the calendar from ``now`` on, or from just before the first release, to its end.

    ``today`` tells what waits for its date where the generator alone would keep it back. It stops
    at the first flip, build or look that fails. ``environ`` is what the build sees, less
    the secrets of the channels. What an earlier rehearsal left in ``scratch`` is deleted.

    :raises PublisherError: when there is nothing to rehearse, or ``scratch`` is refused.
    :raises SiteError: when the site does not even build before the first release.
    """
    view = _known(settings, today)
    scan = Library.of(settings).scan(view, now or today)
    dated = {p.id: p.release_at for p in scan.posts if _is_scheduled(p) and p.release_at}
    left = _left_alone(settings, scan, view, now or min(dated.values())) if dated else {}
    scheduled = [at for post, at in dated.items() if post not in left]
    start_at = now or min(scheduled, default=None)
    if now is None and start_at is not None:
        start_at -= HEAD_START
    if start_at is None or not any(at > start_at for at in scheduled):
        raise _nothing_to_rehearse(scan.problems, left)
    place = scratch.parent.resolve() / scratch.name
    environ = {**assemble.build_environ(settings, environ), **QUIET}
    with hold(place):
        copy = copy_project(settings, place)
        stage = _Stage(
            settings=settings,
            copy=replace(copy, channels=outboxes_for(settings, place / "outbox")),
            environ=environ,
            clock=VirtualClock(start_at),
            place=place,
            shown=scratch,
            left=left,
        )
        return stage.play(scan.posts, scan.problems, console)


def _is_scheduled(post: Post) -> bool:
    return post.state is PostState.SCHEDULED


def _known(settings: Settings, today: datetime) -> LedgerView:
    """Read the real ledger, if it is there.

    :raises LedgerError: when it cannot be read.
    """
    with open_ledger(settings, now=today, read_only=True) as ledger:
        return replace(ledger.view(), restored="")


def _left_alone(
    settings: Settings, scan: Scan, view: LedgerView, now: datetime
) -> Mapping[PostId, str]:
    """Give the posts that no date brings, with why a person is waited for, if one is.

    Withdrawn ones are among them where nothing in their files brings them back: such a file says
    no more than "draft", with the date that the post was released on.
    """
    planned = plan(scan.posts, view, settings.policy, now, unreadable=scan.unreadable)
    issues = held(view, planned.holds, in_doubt=())
    asked = {issue.post: full_sentence(issue) for issue in issues if issue.needs_person}
    return {
        post.id: asked.get(post.id, "")
        for post in scan.posts
        if (record := view.releases.get(post.id)) is not None and _is_left_alone(post, record)
    }


def _is_left_alone(post: Post, record: ReleaseRecord) -> bool:
    if record.state is ReleaseState.BASELINE:
        return _is_scheduled(post)
    is_withdrawn = record.state is ReleaseState.WITHDRAWN and not post.explicit
    return is_withdrawn and post.release_at == record.release_at


def _nothing_to_rehearse(problems: Sequence[Problem], left: Mapping[PostId, str]) -> PublisherError:
    return PublisherError(
        "\n".join(
            [
                *_errors(problems),
                *_asked(left),
                "nothing to rehearse: no post waits for a coming release",
            ]
        ),
        hint="give a post `status: scheduled` and a date",
    )


def _errors(problems: Sequence[Problem]) -> list[str]:
    return [str(problem) for problem in problems if problem.severity == "error"]


def _asked(left: Mapping[PostId, str]) -> list[str]:
    return [f"{post}: {why}" for post, why in left.items() if why]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """One rehearsal: the real settings, those of the copy, and the time that is played."""

    settings: Settings
    copy: Settings
    environ: Mapping[str, str]
    clock: VirtualClock
    place: Path
    shown: Path  # the same folder as the person named it
    left: Mapping[PostId, str]  # these stay as they are, and why a person is waited for

    def play(
        self, posts: Sequence[Post], problems: Sequence[Problem], console: Console
    ) -> Rehearsal:
        start_at = self.clock.now()
        old = [p for p in posts if is_old(p, start_at) or p.id in self.left]
        coming = sorted(
            (p for p in posts if _is_scheduled(p) and p.release_at and p not in old),
            key=lambda post: (post.release_at, post.id),
        )
        lines = [line_of(p.id, p.title, p.release_at or start_at, self._names(p)) for p in coming]
        progress = Progress(console, self.clock, self.settings.site.zone, lines)
        with progress, self._engine(progress) as engine:
            seen = [Observe.of(post, Sight.BASELINE, "public or withdrawn before") for post in old]
            engine.ledger.adopt(seen, now=start_at)
            early = self._build_before(engine, coming, progress)
            unfinished = self._tick_through(engine, len(coming))
            view = engine.ledger.view()
        noted = (*_errors(problems), *_asked(self.left))
        return Rehearsal(
            rows=tuple(self._row(post, view, progress) for post in coming),
            troubles=(*noted, *early, *progress.failures, *unfinished),
            tail=tuple(progress.tail),
            zone=self.settings.site.zone,
            before_page=self._shown("before"),
            site_page=self._keep_output("site"),
            outbox_page=self._shown("outbox"),
        )

    def _names(self, post: Post) -> list[str]:
        """Give the channels on which a post is to be announced."""
        at = post.release_at or self.clock.now()
        policy = self.copy.policy
        names = [channel.name for channel in self.copy.channels]
        return [name for name in names if planned_at(post, policy, name, at) is not None]

    @contextmanager
    def _engine(self, progress: Progress) -> Iterator[Engine]:
        """Open the real engine on the copy; only its live look and its voices are put in."""
        unserved = replace(self.copy, verify=replace(self.copy.verify, live=False))
        with ExitStack() as stack:
            engine = stack.enter_context(
                assemble.open_engine(
                    unserved, environ=self.environ, clock=self.clock, report=progress.report
                )
            )
            rebuild = self.copy.rebuild
            if rebuild is not None and self.copy.verify.live:
                served_at = stack.enter_context(preview_server.serve(rebuild.output))
                engine.site = ServedSite(built=engine.site, settings=self.copy, served_at=served_at)
            voices = {c.name: voice_of(c) for c in self.settings.channels}
            open_channels = engine.open_channels.ready.items()
            engine.open_channels = OpenChannels(
                ready={n: replace(o, voice=voices[n]) for n, o in open_channels}
            )
            yield engine

    def _build_before(
        self, engine: Engine, coming: Sequence[Post], progress: Progress
    ) -> list[str]:
        """Build the site under embargo and keep it; give complaints of what it shows already."""
        if self.copy.rebuild is None:
            return []
        progress.begin_first_build()
        result = engine.site.rebuild((), engine.ledger.view(), self.clock.now(), engine.stop)
        if not result.ok:
            raise SiteError(result.reason, why=result.tail.replace("\n", "\n  "))
        progress.end_first_build(result.seconds)
        self._keep_output("before")
        bodies = {post.id: engine.library.body(post) for post in coming}
        return _shown_early(self.copy.rebuild.output, bodies)

    def _tick_through(self, engine: Engine, posts: int) -> list[str]:
        """Tick at every instant that the plan names, until there is none or a page failed."""
        for _ in range(TICKS_PER_STEP * (posts + 1) * (len(self.copy.channels) + 2)):
            tick = engine.tick()
            view = engine.ledger.view()
            is_stuck = any(record.failures for record in view.releases.values())
            if is_stuck or view.rebuild_failures or tick.plan.next_at is None:
                return []
            self.clock.advance_to(tick.plan.next_at)
        return ["the calendar does not come to an end; the rehearsal stopped"]

    def _row(self, post: Post, view: LedgerView, progress: Progress) -> Row:
        record = view.releases.get(post.id)
        deliveries = [d for key, d in view.deliveries.items() if key.post == post.id]
        order = {channel.name: n for n, channel in enumerate(self.copy.channels)}
        return Row(
            post=post.id,
            title=post.title,
            release_at=post.release_at or self.clock.now(),
            flipped=record is not None and record.flip_gen is not None,
            built=post.id in progress.build_s,
            verified=record is not None and record.state is ReleaseState.LIVE,
            build_s=progress.build_s.get(post.id),
            announced=tuple(
                Announced(
                    channel=delivery.key.channel,
                    at=delivery.due_at,
                    ok=delivery.state in SENT,
                    reason="" if delivery.state in SENT else delivery.reason,
                )
                for delivery in sorted(deliveries, key=lambda d: order[d.key.channel])
            ),
        )

    def _keep_output(self, name: str) -> Path | None:
        """Copy the site as it is built now, so that it opens from disk; give its first page."""
        rebuild = self.copy.rebuild
        if rebuild is None or not rebuild.output.is_dir():
            return None
        offline_copy.take(rebuild.output, self.place / name, site_url=self.settings.site.url)
        return self._shown(name)

    def _shown(self, name: str) -> Path | None:
        page = Path(name, "index.html")
        return self.shown / page if (self.place / page).is_file() else None


def _shown_early(output: Path, bodies: Mapping[PostId, str]) -> list[str]:
    """Complain of pages that show the text of posts which are still under embargo."""
    wanted = {post: [fold(e) for e in verify.excerpts(body)] for post, body in bodies.items()}
    complaints = []
    for page in sorted(output.rglob("*.html")):
        text = fold(read_page(page.read_bytes()).text)
        complaints += [
            f"{page.relative_to(output)}: shows the text of {post} before its release; "
            "let the site withhold what is not published"
            for post, excerpts in wanted.items()
            if excerpts and sum(e in text for e in excerpts) >= min(verify.NEEDED, len(excerpts))
        ]
    return complaints
