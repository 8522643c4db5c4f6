"""Learns from a build where it put each post, and keeps that for all who need an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from publisher.config.settings import SiteSettings
from publisher.model import Post, PostState
from publisher.model.errors import PublisherError
from publisher.posts.address_book import Address, AddressBook
from publisher.site.page_finder import FoundPage, Wanted, find_pages
from publisher.system.files import read_file
from publisher.text.frontmatter import parse

FORMER = 5  # addresses that are kept of a post


def learn(
    book: AddressBook,
    posts: Sequence[Post],
    *,
    sources: Path,
    output: Path,
    site: SiteSettings,
    begun_ns: int | None = None,
) -> Mapping[str, Address]:
    """Find the pages of posts in a built site, and keep their addresses; give all that are known.

    ``sources`` is the folder that was built, laid out as the project is. A post whose file there
    is the same as last time, and whose page is there, is not looked for again. A post that has no
    page keeps the address that it had. Where the output is ours alone, ``begun_ns`` is when the
    build began, by the clock of the files: what an earlier one left at a former address goes.

    :raises PublisherError: when the output cannot be read, or the addresses cannot be kept.
    """
    known = book.read()
    versions = {post.path: _version(sources / post.path) for post in posts}
    kept = {path: address for path, address in known.items() if path in versions}
    wanted = [
        _wanted(post, kept.get(post.path), sources, site)
        for post in posts
        if (version := versions[post.path]) and not _is_same(kept.get(post.path), version, output)
    ]
    before = dict(kept)
    for path, page in find_pages(output, wanted, site.url).items():
        kept[path] = _moved(kept.get(path), page, versions[path])
    if begun_ns is not None:
        _drop_leftovers(before, kept, output, begun_ns)
    book.write(kept)
    return kept


def _version(file: Path) -> str:
    """Tell one version of a file from another; "" when there is none."""
    try:
        status = file.lstat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns} {status.st_size}"


def _is_same(known: Address | None, version: str, output: Path) -> bool:
    return known is not None and known.source == version and (output / known.file).is_file()


def _wanted(post: Post, known: Address | None, sources: Path, site: SiteSettings) -> Wanted:
    return Wanted(
        path=post.path,
        title=post.title,
        url=known.url if known else post.url,
        text=_body_of(sources, post.path),
        is_told=known is not None or site.post_url is not None,
        is_public=known is None and post.state is PostState.PUBLISHED,
    )


def _body_of(sources: Path, path: str) -> Callable[[], str]:
    def body() -> str:
        try:
            return parse(read_file(sources / path, path).data, path).body
        except PublisherError:
            return ""  # gone meanwhile: it has no page to be found

    return body


def _drop_leftovers(
    before: Mapping[str, Address], now: Mapping[str, Address], output: Path, begun_ns: int
) -> None:
    """Delete the pages of earlier builds at addresses that their posts have left."""
    files = {address.file for address in now.values()}
    for file in {address.file for address in before.values()} - files:
        with suppress(FileNotFoundError, NotADirectoryError):
            if (output / file).stat().st_mtime_ns < begun_ns:
                (output / file).unlink()


def _moved(known: Address | None, page: FoundPage, version: str) -> Address:
    """Give the address of a page, with those that its post had before."""
    now = Address(url=page.url, file=page.file, source=version)
    if known is None or known.url == page.url:
        return replace(now, former=known.former if known else ())
    former = dict.fromkeys((known.url, *known.former))
    former.pop(page.url, None)
    return replace(now, former=tuple(former)[:FORMER])
