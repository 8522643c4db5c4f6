"""What a rehearsal showed: a row for each post, the troubles, the pages to open; and its table."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from publisher.model import ChannelName, PostId
from publisher.text.times import format_local

STEPS = ("Flipped", "Built", "Verified")
TITLE_WIDTH = 12  # with less, a table is harder to read than a list
WIDE = 1000  # wider than any table of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """One announcement of a rehearsed post; ``reason`` says why it did not go out."""

    channel: ChannelName
    at: datetime
    ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How far a post came. ``build_s`` is the one thing that two rehearsals may differ in."""

    post: PostId
    title: str
    release_at: datetime
    flipped: bool
    built: bool
    verified: bool
    announced: tuple[Announced, ...]
    build_s: float | None = field(default=None, compare=False)

    @property
    def steps(self) -> tuple[bool, bool, bool]:
        return self.flipped, self.built, self.verified

    @property
    def ok(self) -> bool:
        return all(self.steps) and all(a.ok for a in self.announced)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """The result of a rehearsal; a page that there was nothing for is ``None``."""

    rows: tuple[Row, ...]
    troubles: tuple[str, ...]  # sentences: what a person should look at
    tail: tuple[str, ...]  # the last lines of a build that failed
    zone: ZoneInfo
    before_page: Path | None  # the site under embargo
    site_page: Path | None  # the site after the last release
    outbox_page: Path | None

    @property
    def ok(self) -> bool:
        return not self.troubles and all(row.ok for row in self.rows)

    def render(self, console: Console) -> None:
        """Print the table, the troubles and the pages to open."""
        table = self._table(console)
        if _fits(table, console):
            console.print(table)
        else:
            self._print_list(console)
        for line in self.tail:
            console.print(Text(f"  {line}", "dim"), soft_wrap=True)
        for trouble in self.troubles:
            text = Text.assemble((f"{_sign(console, ok=False)} ", "bold red"), trouble)
            console.print(text, soft_wrap=True)
        self._print_pages(console)

    def _table(self, console: Console) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=console.width <= 100)
        table.add_column("Post", ratio=1, min_width=TITLE_WIDTH)
        table.add_column("Release", width=16)
        for name in STEPS:
            table.add_column(name, justify="center", no_wrap=True, min_width=len(name))
        announced = [self._announced(console, row) for row in self.rows]
        width = max((line.cell_len for text in announced for line in text.split()), default=0)
        table.add_column("Announced", no_wrap=True, min_width=width)
        for row, text in zip(self.rows, announced, strict=True):
            table.add_row(
                Text(row.title or row.post),
                Text(format_local(row.release_at, self.zone)),
                *(_mark(console, ok=step) for step in row.steps),
                text,
            )
        return table

    def _print_list(self, console: Console) -> None:
        """Print what the table would say in lines that fit where its columns do not."""
        for row in self.rows:
            title = Text(row.title or row.post, no_wrap=True, overflow="ellipsis")
            steps = [
                Text.assemble(name.lower(), " ", _mark(console, ok=step))
                for name, step in zip(STEPS, row.steps, strict=True)
            ]
            console.print(Text(format_local(row.release_at, self.zone), "bold"))
            for text in (title, Text("  ").join(steps), self._announced(console, row)):
                console.print(Padding(text, (0, 0, 0, 2)))
        console.print()

    def _announced(self, console: Console, row: Row) -> Text:
        lines = []
        for announced in row.announced:
            line = Text(announced.channel, "" if announced.ok else "red")
            if announced.at != row.release_at:
                line.append(f" {self._short(announced.at, row.release_at)}", "dim")
            if not announced.ok:
                line.append(f" {_sign(console, ok=False)}", "bold red")
            lines.append(line)
        return Text("\n").join(lines) if lines else Text("nowhere", "dim")

    def _short(self, at: datetime, release_at: datetime) -> str:
        local, day = at.astimezone(self.zone), release_at.astimezone(self.zone).date()
        return f"{local:%H:%M}" if local.date() == day else f"{local:%m-%d %H:%M}"

    def _print_pages(self, console: Console) -> None:
        pages = [
            (self.site_page, "the site after the last release"),
            (self.outbox_page, "each announcement as its readers would see it"),
            (self.before_page, "the site before the first release"),
        ]
        shown = [(page, what) for page, what in pages if page is not None]
        width = max((len(str(page)) for page, _ in shown), default=0)
        has_room = all(width + 2 + len(what) <= console.width for _, what in shown)
        for page, what in shown:
            link = Style(bold=True, link=page.absolute().as_uri())
            gap = " " * (width - len(str(page)) + 2) if has_room else "\n  "
            text = Text.assemble((str(page), link), gap, (what, "dim"))
            console.print(text, soft_wrap=True)


def _fits(table: Table, console: Console) -> bool:
    unbound = console.options.update(width=WIDE)
    return Measurement.get(console, unbound, table).minimum <= console.width


def _mark(console: Console, *, ok: bool) -> Text:
    return Text(_sign(console, ok=ok), "green" if ok else "bold red")


def _sign(console: Console, *, ok: bool) -> str:
    is_plain = not console.encoding.lower().startswith("utf")
    return (("yes", "no") if is_plain else ("✓", "✗"))[not ok]
