"""``publisher embargo``: stage the site, and search what is built for unreleased text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import click

from publisher.cli.invocation import Invocation
from publisher.cli.output import count, flat, note, say, say_json
from publisher.config.settings import RebuildSettings, Settings
from publisher.embargo.embargoed_text import EmbargoedText, PublicTexts, needs_stage
from publisher.embargo.leaks import Found, look_through
from publisher.embargo.stage.theme_data import stage_with_data
from publisher.engine.assemble import build_environ
from publisher.generators import project
from publisher.generators.file_kinds import is_text
from publisher.model import Embargo, PostState
from publisher.model.errors import PublisherError, SiteError
from publisher.posts.library import Library
from publisher.site import build
from publisher.system import locks
from publisher.system.files import os_errors_as
from publisher.views.site_state import SiteState

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is searched for what: ``root`` is where ``rebuild`` writes the first of ``outputs``.

    All outputs that are there are searched: the second one is public, whoever wrote it.
    """

    hidden: tuple[EmbargoedText, ...]
    public: Callable[[], PublicTexts]
    root: Path
    outputs: tuple[Path, ...]


@click.command(epilog="Example: publisher embargo --build")
@click.option(
    "--output",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="The built site to search; default: the staged copy and rebuild.output.",
)
@click.option("--build", "is_build", is_flag=True, help="Build the staged copy first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def embargo(ctx: click.Context, folder: str | None, is_build: bool, as_json: bool) -> None:
    """Search the built site for text of unreleased posts.

    Nothing is released, and the ledger does not change. Exits with 1 when a file contains text of
    an unreleased post, or cannot be searched.
    """
    invocation: Invocation = ctx.obj
    settings = invocation.settings()
    patience = settings.rebuild.timeout if settings.rebuild else settings.verify.timeout
    with locks.hold_for_build(settings.state_dir, patience=patience, stop=Event()) as lock:
        seen = invocation.look()
        is_held = needs_stage(settings.embargo, seen.scan.posts)
        subject = _staged(invocation, seen) if is_held else _own(seen)
        if is_build:
            _build(invocation, settings, subject, lock)
        outputs = (Path(folder),) if folder else _built(subject.outputs)
        found = _search_all(outputs, subject)
    say_json(_value(outputs, found)) if as_json else _show(outputs, found)
    if found.leaks or found.unsearched:
        ctx.exit(1)


def _staged(invocation: Invocation, seen: SiteState) -> Subject:
    settings = seen.settings
    environ = build_environ(settings, invocation.environ)
    staged = stage_with_data(settings, seen.scan, seen.view, seen.now, environ=environ)
    for path in staged.withheld:
        note(f"{path}: left out (not released, and not a post)")
    real = (settings.rebuild.output,) if settings.rebuild else ()
    return Subject(
        hidden=staged.hidden,
        public=lambda: staged.public,
        root=staged.root,
        outputs=(staged.output, *real),
    )


def _own(seen: SiteState) -> Subject:
    """Give the site as it is: what it shows of an unreleased post's frontmatter is its business."""
    note("embargo is off: searching the site's own build")
    settings = seen.settings
    library = Library.of(settings)
    posts = [post for post in seen.scan.posts if post.state is not PostState.PUBLISHED]
    documents = [(post, library.read(post)) for post in posts]
    hidden = tuple(
        EmbargoedText(
            post=post.id,
            path=post.path,
            url=post.url,
            policy=Embargo.OFF,
            text=document.body,
            shown=document.text.removesuffix(document.body),
        )
        for post, document in documents
    )
    return Subject(
        hidden=hidden,
        public=lambda: _public(seen),
        root=settings.site.root,
        outputs=(settings.rebuild.output,) if settings.rebuild else (),
    )


def _public(seen: SiteState) -> PublicTexts:
    """Give the texts of a site's project but for those of unreleased posts."""
    settings = seen.settings
    states = {post.path: post.state for post in seen.scan.posts}
    output = (settings.rebuild.output,) if settings.rebuild else ()
    walk = project.walk(settings.project, settings.site.root, (settings.state_dir, *output))
    texts = [f.path for f in walk if f.kind == "file" and is_text(f.path, f.entry.stat().st_size)]

    def read(state: PostState | None) -> Iterator[str]:
        for path in texts:
            if states.get(path) is state:
                yield (settings.project / path).read_text(encoding="utf-8", errors="replace")

    return PublicTexts(posts=read(PostState.PUBLISHED), others=read(None))


def _build(invocation: Invocation, settings: Settings, subject: Subject, lock: int) -> None:
    """Build where the subject is; the lock goes along with the build.

    :raises SiteError: when that fails.
    """
    if settings.rebuild is None:
        raise SiteError(
            "jobs.yaml has no rebuild.command", hint="set it to the command that builds the site"
        )
    to_stage: RebuildSettings = replace(settings.rebuild, output=subject.outputs[0])
    note(f"building in {subject.root}")
    result = build.run(
        to_stage,
        cwd=subject.root,
        environ=build_environ(settings, invocation.environ),
        keep_open=(lock,),
    )
    if not result.ok:
        note(result.tail)
        raise SiteError(result.reason)


def _built(outputs: tuple[Path, ...]) -> tuple[Path, ...]:
    built = tuple(output for output in outputs if output.is_dir())
    if built:
        return built
    looked = " and ".join(map(str, outputs)) or "nothing, since jobs.yaml has no `rebuild`"
    raise SiteError(
        "there is no built site to search",
        why=f"looked for {looked}; the staged one goes when a post changes, until the next build",
        hint="run `publisher embargo --build`, or name a folder with --output",
    )


def _search_all(outputs: tuple[Path, ...], subject: Subject) -> Found:
    """Search several outputs as one; in the one that is public, files are named with its path."""
    first, *others = (_search(output, subject) for output in outputs)
    for output, found in zip(outputs[1:], others, strict=True):
        leaks = (replace(leak, file=str(output / leak.file)) for leak in found.leaks)
        unsearched = (replace(file, file=str(output / file.file)) for file in found.unsearched)
        first = replace(
            first,
            leaks=(*first.leaks, *leaks),
            unsearched=(*first.unsearched, *unsearched),
            files=first.files + found.files,
            size=first.size + found.size,
        )
    return first


def _search(output: Path, subject: Subject) -> Found:
    with os_errors_as(PublisherError, output):
        return look_through(output, hidden=subject.hidden, public=subject.public())


def _value(outputs: tuple[Path, ...], found: Found) -> dict[str, Any]:
    return {
        "output": str(outputs[0]),
        "outputs": [str(output) for output in outputs],
        "posts": found.posts,
        "files": found.files,
        "bytes": found.size,
        "leaks": [
            {"file": leak.file, "post": leak.post, "path": leak.path, "excerpt": leak.excerpt}
            for leak in found.leaks
        ],
        "unsearched": [{"file": file.file, "reason": file.reason} for file in found.unsearched],
    }


def _show(outputs: tuple[Path, ...], found: Found) -> None:
    for leak in found.leaks:
        say(flat(str(leak)))
    for file in found.unsearched:
        say(flat(f"{file.file}: cannot be searched: {file.reason}"))
    if not found.posts:
        say("no post is under embargo; nothing to search for")
        return
    places = " and ".join(map(str, outputs))
    extent = f"{count(found.files, 'file')} ({found.size / MEGABYTE:.1f} MB) in {places}"
    verdict = count(len(found.leaks), "leak") if found.leaks else "no leak"
    doubt = f", {count(len(found.unsearched), 'file')} unsearched" if found.unsearched else ""
    say(f"{verdict}{doubt}: searched {extent} for the text of {count(found.posts, 'post')}")
