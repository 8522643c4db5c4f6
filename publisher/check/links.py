"""Where links and images of a page lead: nowhere, to no page of the site, or into a draft."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from markdown_it.token import Token

from publisher.check.pages import Page, Site
from publisher.config.settings import Settings
from publisher.embargo.stage.links import HREF, path_of
from publisher.model import Post, PostState, Problem
from publisher.system.tree import walk

NOWHERE = ("\0",)  # no folder: none that cannot be listed is an error here

_BREAKS = ("softbreak", "hardbreak")
_PAGE_SUFFIXES = frozenset(
    {".md", ".markdown", ".mdx", ".html", ".htm", ".astro", ".njk", ".liquid", ".vue", ".adoc"}
)
# Folders whose name is no part of the URLs of what is in them, across generators.
_UNNAMED_FOLDERS = (
    "public",
    "docs/public",
    "src/public",
    "static",
    "content",
    "src/content",
    "src/pages",
    "src",
    "pages",
    "docs",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    target: str
    line: int  # in the file
    kind: str  # "link" | "image"
    is_html: bool = False  # written as a tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The paths that the site answers to, from its sources and from its last build.

    ``is_sure`` is false where pages may exist that neither of the two shows.
    """

    paths: frozenset[str]
    dynamic: tuple[str, ...]  # folders with pages such as [slug].md
    output: Path | None = field(default=None)
    is_sure: bool

    def has(self, path: str) -> bool:
        """Tell whether a path, in the spelling of ``blocks.Posts.path_of``, is served."""
        return path in self.paths or path.startswith(self.dynamic) or self._is_built(path)

    def _is_built(self, path: str) -> bool:
        parts = PurePosixPath(path.lstrip("/")).parts
        if self.output is None or ".." in parts or "\0" in path:
            return False
        place = self.output.joinpath(*parts)
        names = (place, place.with_name(place.name + ".html"), place / "index.html")
        with suppress(OSError):  # a name that is too long, a folder that cannot be entered
            return any(name.is_file() for name in names)
        return False


def read_served(site: Site) -> Served:
    """List what the site answers to; looks at names only."""
    settings = site.settings
    paths, dynamic = set(site.names.paths), set()
    unnamed = dict.fromkeys((*filter(None, settings.site.sources), *_UNNAMED_FOLDERS))
    for file in _files(settings):
        is_page = file.suffix in _PAGE_SUFFIXES
        for path in _addresses(file, unnamed):
            if is_page and "[" in path:
                dynamic.add("/" + path.partition("[")[0])
            paths.add(site.names.path_of("/" + quote(os.fsencode(path))))
            if is_page:
                paths.add(
                    site.names.path_of("/" + quote(os.fsencode(path.removesuffix(file.suffix))))
                )
    for listing in (settings.verify.feed, settings.verify.sitemap):
        if listing:
            paths.add(site.names.path_of("/" + listing.lstrip("/")))
    output = settings.rebuild.output if settings.rebuild else None
    is_built = output is not None and output.is_dir()
    return Served(
        paths=frozenset(paths),
        dynamic=tuple(dynamic),
        output=output if is_built else None,
        is_sure=is_built or settings.site.generator.builds_drafts,
    )


def check_links(page: Page, site: Site, served: Served) -> Iterator[Problem]:
    """Find links that lead nowhere, and public ones into drafts that have no date."""
    for link in dict.fromkeys(find_links(page)):
        if link.target.strip() in ("", "#"):
            if link.kind == "link":
                message = "this link leads nowhere" + (" (#)" if link.target else "")
                yield page.warning(
                    "empty-link", link.line, message, "give it a target, or make it text"
                )
            continue
        path = path_of(link.target, page.address, site.names)
        if not path or path.rpartition("/")[2] in site.names.unread:
            continue
        owner = site.names.paths.get(path)
        post = site.by_id.get(owner) if owner is not None else None
        if post is None and not served.has(path):
            yield _dead(link, page, served)
        elif post and page.is_public and post.state is PostState.DRAFT and not post.release_at:
            yield page.warning(
                "link-into-embargo",
                link.line,
                f"links to {post.path}, a draft without a release date",
                "readers find nothing there: give it a date, or remove the link",
            )


def links_to(post: Post, page: Page, site: Site) -> Iterator[Link]:
    """Give the links by which a public page leads to a post.

    Those in a preview block of what is not public are left out: builds conceal it.
    """
    concealed = [
        range(page.line_at(block.start), page.line_at(block.end - 1) + 1)
        for block in page.previews
        if block.post is not None
        and (block.post.id == post.id or block.post.state is not PostState.PUBLISHED)
    ]
    for link in dict.fromkeys(find_links(page)) if page.is_public else ():
        is_shown = not any(link.line in lines for lines in concealed)
        path = path_of(link.target, page.address, site.names) if is_shown else ""
        if path and site.names.paths.get(path) == post.id:
            yield link


def find_links(page: Page) -> Iterator[Link]:
    """Give the links and images of a page; code and comments hold none."""
    for token in page.tokens:
        first = page.document.body_line + (token.map[0] if token.map else 0)
        if token.type == "html_block":
            yield from _html_links(_without_comments(token.content), first)
        elif token.type == "inline":
            yield from _inline_links(token, first)


def _inline_links(token: Token, line: int) -> Iterator[Link]:
    for child in token.children or ():
        if child.type in _BREAKS:
            line += 1
        elif child.type == "link_open":
            yield Link(target=str(child.attrs.get("href", "")), line=line, kind="link")
        elif child.type == "image":
            yield Link(target=str(child.attrs.get("src", "")), line=line, kind="image")
        elif child.type == "html_inline":
            yield from _html_links(_without_comments(child.content), line)
            line += child.content.count("\n")


def _html_links(html: str, line: int) -> Iterator[Link]:
    for match in HREF.finditer(html):
        target = match[1] if match[1] is not None else match[2]
        at = line + html.count("\n", 0, match.start())
        yield Link(target=target, line=at, kind="link", is_html=True)


def _without_comments(html: str) -> str:
    return re.sub(r"<!--.*?(?:-->|\Z)", lambda m: "\n" * m[0].count("\n"), html, flags=re.DOTALL)


def _dead(link: Link, page: Page, served: Served) -> Problem:
    what = "image" if link.kind == "image" else "page or file"
    message = f"{link.target} is no {what} of this site"
    if served.is_sure:
        return page.error("dead-link", link.line, message, "correct the path, or remove the link")
    hint = (
        "correct the path; if the generator makes that page, build the site once, then check again"
    )
    return page.warning("dead-link", link.line, message, hint)


def _files(settings: Settings) -> Iterator[PurePosixPath]:
    """Give the files below the root but for hidden ones, packages and the output."""
    root = settings.site.root
    output = settings.rebuild.output if settings.rebuild else root / settings.site.generator.output
    for path, _ in walk(root, "", without=settings.site.generator.output, needed=NOWHERE):
        if not Path(root, path).is_relative_to(output):
            yield PurePosixPath(path)


def _addresses(file: PurePosixPath, unnamed: Iterable[str]) -> Iterator[str]:
    """Give the paths at which generators may serve a file."""
    path = file.with_name(re.sub(r"^_index\.", "index.", file.name)).as_posix()
    yield path
    for folder in unnamed:
        if path.startswith(folder + "/"):
            yield path.removeprefix(folder + "/")
