"""Shows a rehearsal while it runs: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from publisher.system.clock import Clock
from publisher.system.report import Event
from publisher.text.times import format_local

FLIP, BUILD, VERIFY = "flip", "build", "verify"
FRAMES_PER_S = 10


class Mark(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


SIGNS = {Mark.WAITING: "·", Mark.RUNNING: "…", Mark.DONE: "✓", Mark.FAILED: "✗"}
STYLES = {Mark.WAITING: "dim", Mark.RUNNING: "yellow", Mark.DONE: "green", Mark.FAILED: "bold red"}


@dataclass(slots=True)
class Step:
    key: str
    name: str
    mark: Mark = Mark.WAITING
    note: str = ""
    since_s: float = 0.0  # of the console's clock; when it began to run


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One post of the calendar: what it is called, when it comes and the steps it takes."""

    post: str
    title: str
    at: datetime
    steps: Sequence[Step] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return all(step.mark in (Mark.DONE, Mark.FAILED) for step in self.steps)

    @property
    def mark(self) -> Mark:
        marks = {step.mark for step in self.steps}
        if Mark.FAILED in marks:
            return Mark.FAILED
        if marks == {Mark.DONE}:
            return Mark.DONE
        return Mark.WAITING if marks == {Mark.WAITING} else Mark.RUNNING


def line_of(post: str, title: str, at: datetime, channels: Sequence[str]) -> Line:
    """Make the line of a post that is announced on ``channels``, nothing done yet."""
    steps = [Step(name, name) for name in (FLIP, BUILD, VERIFY)]
    steps += [Step(_key_of(channel), channel) for channel in channels]
    return Line(post=post, title=title, at=at, steps=steps)


def _key_of(channel: str) -> str:
    return f"channel {channel}"  # a channel may be called "build"


class Progress:
    """Follows the engine's events; its ``report`` may be called from any thread.

    ``failures`` are the sentences of what went wrong, ``tail`` the last lines of a failed build,
    ``build_s`` how long the build that released each post took.
    """

    def __init__(
        self, console: Console, clock: Clock, zone: ZoneInfo, lines: Sequence[Line]
    ) -> None:
        self.failures: list[str] = []
        self.tail: list[str] = []
        self.build_s: dict[str, float] = {}
        self._console = console
        self._clock = clock
        self._zone = zone
        self._lines = lines
        self._first = Step(BUILD, "the site before the first release")
        self._spinner: RenderableType = Spinner("dots", style=STYLES[Mark.RUNNING])
        self._lock = threading.Lock()
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=FRAMES_PER_S,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begin_first_build(self) -> None:
        with self._lock:
            self._set(self._first, Mark.RUNNING)

    def end_first_build(self, seconds: float) -> None:
        with self._lock:
            self._set(self._first, Mark.DONE, f"{seconds:.1f} s")
            self._say(f"{self._first.name}: built in {seconds:.1f} s")

    def report(self, event: Event) -> None:
        """Take in one event of the engine; those that are no news here are passed over."""
        with self._lock:
            handle = self._handlers().get(event.name)
            if handle is not None:
                handle(**event.fields)
            elif event.name.startswith("delivery.") and "reason" in event.fields:
                self._fail_delivery(event.name.partition(".")[2], **event.fields)

    def _handlers(self) -> dict[str, Callable[..., None]]:
        return {
            "release.begun": lambda post, **_: self._step(post, FLIP, Mark.RUNNING),
            "flip.done": lambda post, **_: self._step(post, FLIP, Mark.DONE, "flipped"),
            "flip.failed": lambda post, reason, **_: self._fail(post, FLIP, reason),
            "rebuild.started": lambda posts, **_: self._each(posts, BUILD, Mark.RUNNING),
            "rebuild.done": self._built,
            "rebuild.failed": self._not_built,
            "rebuild.output": lambda line, **_: self.tail.append(line),
            "release.live": lambda post, **_: self._step(post, VERIFY, Mark.DONE, "verified"),
            "verify.waiting": lambda post, reason, **_: self._fail(post, VERIFY, reason),
            "delivery.sending": self._sending,
            "delivery.sent": self._sent,
            "delivery.returned": lambda **_: None,
            "action.failed": lambda reason, **_: self._trouble(reason),
        }

    def _built(self, posts: str, seconds: str, **_: str) -> None:
        for post in posts.split(", "):
            self.build_s[post] = float(seconds)
            self._step(post, BUILD, Mark.DONE, f"built in {seconds} s", note=f"{seconds} s")
            self._step(post, VERIFY, Mark.RUNNING)

    def _not_built(self, posts: str, reason: str, **_: str) -> None:
        self._each(posts, BUILD, Mark.FAILED)
        self._trouble(f"{posts}: {reason}")

    def _sending(self, post: str, channel: str, **_: str) -> None:
        self._step(post, _key_of(channel), Mark.RUNNING)

    def _sent(self, post: str, channel: str, **_: str) -> None:
        self._step(post, _key_of(channel), Mark.DONE, f"announced on {channel}")

    def _fail_delivery(self, state: str, reason: str, **names: str) -> None:
        post, channel = names.get("post", ""), names.get("channel", "")
        if "delivery" in names:
            post, channel, _ = names["delivery"].split("/", 2)
        self._step(post, _key_of(channel), Mark.FAILED)
        self._trouble(f"{post}, {channel}: {state.replace('_', ' ')}: {reason}")

    def _each(self, posts: str, key: str, mark: Mark) -> None:
        for post in posts.split(", "):
            self._step(post, key, mark)

    def _fail(self, post: str, key: str, reason: str) -> None:
        self._step(post, key, Mark.FAILED)
        self._trouble(f"{post}, {key}: {reason}")

    def _trouble(self, sentence: str) -> None:
        self.failures.append(sentence)
        self._say(sentence)

    def _step(self, post: str, key: str, mark: Mark, said: str = "", *, note: str = "") -> None:
        steps = [s for line in self._lines if line.post == post for s in line.steps]
        for step in steps:
            if step.key == key:
                self._set(step, mark, note)
        if said:
            self._say(f"{post}: {said}")

    def _set(self, step: Step, mark: Mark, note: str = "") -> None:
        step.mark, step.note, step.since_s = mark, note, self._console.get_time()

    # --- plain lines --------------------------------------------------------------------

    def _say(self, words: str) -> None:
        if not self._console.is_terminal:
            text = f"{format_local(self._clock.now(), self._zone)}  {words}"
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    # --- the live view ------------------------------------------------------------------

    def _draw(self) -> RenderableType:
        with self._lock:
            head = Table.grid(expand=True)
            head.add_column(ratio=1)
            head.add_column(justify="right", no_wrap=True)
            now = format_local(self._clock.now(), self._zone)
            head.add_row(Text("Rehearsal", "bold"), Text(now, "bold cyan"))
            first = self._first
            body = Table.grid(padding=(0, 1, 0, 0), expand=True)
            body.add_column(width=1)
            body.add_column(ratio=1)
            body.add_row(self._sign(first.mark), self._step_text(first))
            for line in self._window():
                body.add_row(self._sign(line.mark), self._title(line))
                body.add_row("", Text("  ").join(map(self._step_text, line.steps)))
            return Group(Text(), head, Text(), body)

    def _window(self) -> Sequence[Line]:
        """Give as many lines as fit: the last that is over, and those that follow."""
        size = max(1, (self._console.height - 6) // 2)
        open_at = next((i for i, line in enumerate(self._lines) if not line.is_over), 0)
        start = max(0, min(open_at - 1, len(self._lines) - size))
        return self._lines[start : start + size]

    def _title(self, line: Line) -> RenderableType:
        row = Table.grid(expand=True, padding=(0, 0, 0, 1))
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(no_wrap=True)
        style = "dim" if line.mark is Mark.WAITING else ""
        row.add_row(Text(line.title, style), Text(format_local(line.at, self._zone), "dim"))
        return row

    def _sign(self, mark: Mark) -> RenderableType:
        if mark is Mark.RUNNING:
            return self._spinner
        return Text(SIGNS[mark], STYLES[mark])

    def _step_text(self, step: Step) -> Text:
        note = step.note
        if step.mark is Mark.RUNNING and step.key == BUILD:
            note = f"{self._console.get_time() - step.since_s:.1f} s"
        words = " ".join(part for part in (step.name, note, SIGNS[step.mark]) if part)
        return Text(words, STYLES[step.mark])
