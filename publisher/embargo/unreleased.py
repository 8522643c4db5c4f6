"""What is unreleased in a site, file by file: under which policy, with which text and images.

A file of ``site.posts`` that cannot be used as a post counts as unreleased: nobody knows what it
would say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from publisher import blocks
from publisher.embargo import metadata, pages, redaction
from publisher.embargo.hidden import Hidden
from publisher.embargo.images import names_in
from publisher.embargo.manifest import Manifest
from publisher.embargo.structure import Images
from publisher.errors import PostError
from publisher.fields import SECTION_PAGES, Reader
from publisher.files import Content, changed, read_file
from publisher.frontmatter import BOM, Document, UnreadableError, parse
from publisher.model import Embargo, Post, PostId, PostState
from publisher.posts import Scan
from publisher.settings import Settings
from publisher.tree import compile_glob


class Unreleased:
    """The unreleased files of one scan; paths as in ``Post``.

    ``policies`` are those of posts that are not public, ``broken`` the files that are no posts
    but should be; both only of files that ``look`` was told of.
    """

    def __init__(self, settings: Settings, scan: Scan, root: str) -> None:
        self._settings = settings
        self._site = settings.site
        self._prefix = f"{root}/" if root else ""
        self._posts = {post.path: post for post in scan.posts}
        self._errors = {p.path for p in scan.problems if p.severity == "error"}
        self._is_post_path, _ = compile_glob(self._site.posts)
        policies = ((post.id, policy_of(post, settings.embargo)) for post in scan.posts)
        self._hidden = {name: policy for name, policy in policies if policy is not None}
        self._names = _names_of(scan, self._site.url)
        self._site_facts = digest_of(repr(self._site))
        self._block_facts = ""
        self.policies: dict[str, Embargo] = {}
        self.broken: dict[str, None] = {}

    @property
    def paths(self) -> list[str]:
        return [*self.policies, *self.broken]

    def look(self, path: str) -> None:
        """Find out under what a file of the project stands."""
        post = self._posts.get(path)
        if self.is_refused(path):
            self.broken[path] = None
        elif post is not None and post.id in self._hidden:
            self.policies[path] = self._hidden[post.id]

    def is_refused(self, path: str) -> bool:
        """Tell whether a file or link was complained of, or should be a post and is unknown."""
        if path in self._posts:
            return False
        if path in self._errors or _printable(path) in self._errors:
            return True
        is_section = path.rpartition("/")[2] in SECTION_PAGES
        return (
            not is_section
            and path.startswith(self._prefix)
            and self._is_post_path(path.removeprefix(self._prefix))
        )

    def is_held(self, path: str) -> bool:
        return path in self.policies or path in self.broken

    def version(self, path: str) -> str:
        """Give which version of a public post the scan has read; "" for what is no post."""
        post = self._posts.get(path)
        return post.digest if post else ""

    def check(self, path: str, content: Content) -> None:
        """Refuse a public file that is not, or no longer, what the scan took it for.

        :raises PostError: when it changed since.
        """
        post = self._posts.get(path)
        if post is not None:
            if content.digest != post.digest:
                raise changed(path)
        elif path.startswith(self._prefix) and self._is_post_path(path.removeprefix(self._prefix)):
            reader = Reader(parse(content.data, path), self._site)
            if reader.read(content.digest) is not None or reader.problems:
                raise changed(path)

    # --- texts -----------------------------------------------------------------------------

    def read(self, manifest: Manifest, stamps: Mapping[str, str], top: Path) -> None:
        """Bring the manifest's notes of all unreleased texts up to date."""
        for path in self.policies:
            known = f"{stamps[path]} {self.facts(path)}"
            note = manifest.notes.get(path)
            if note is None or note.known != known:
                document, post = self.document(path, top)[:2]
                hidden = pages.hidden_text(document, post, self._site, self.policies[path])
                manifest.add_text(path, known, self._targets(document, post), hidden)
        for path in self.broken:
            known = f"{stamps[path]} {self._site_facts}"
            note = manifest.notes.get(path)
            if note is None or note.known != known:
                text, targets = _read_broken(path, top)
                hidden = Hidden(
                    post=PostId(_stem(path)),
                    path=path,
                    url="",
                    policy=Embargo.OMIT,
                    text=text,
                    shown="",
                )
                manifest.add_text(path, known, targets, hidden)

    def document(self, path: str, top: Path) -> tuple[Document, Post, Content]:
        """Read an unreleased post.

        :raises PostError: when it cannot be read, or changed since the scan.
        """
        post = self._posts[path]
        content = read_file(top / path, path)
        if content.digest != post.digest:
            raise changed(path)
        return parse(content.data, path), post, content

    def facts(self, path: str) -> str:
        """Give all that a staged post is made from besides its own file, and which version that is.

        Parts and hero come from other files; all else of a post from its own and the settings.
        """
        post = self._posts[path]
        parts = post.series.parts if post.series else 0
        hero = post.hero.path if post.hero else None
        return f"{self.policies[path]} {post.digest} {parts} {hero} {self._site_facts}"

    def _targets(self, document: Document, post: Post) -> list[str]:
        """Give the targets of all images that the post shows anywhere, as written."""
        targets = [] if post.hero is None else [post.hero.url]

        def image(target: str) -> str:
            targets.append(target)
            return target

        metadata.staged_metadata(document, post, self._site, Embargo.REDACT, image=image)
        targets += redaction.image_targets(document.body)
        return list(dict.fromkeys(targets))

    # --- preview blocks --------------------------------------------------------------------

    def block_facts(self) -> str:
        """Give what preview blocks are made from besides their page."""
        if not self._block_facts:
            names = self._names
            facts = (
                sorted(self._hidden.items()),
                sorted(names.paths.items()),
                sorted(names.unread),
            )
            self._block_facts = digest_of(f"{self._site_facts} {facts}")
        return self._block_facts

    def redact_blocks(self, path: str, data: bytes, image: Images) -> bytes:
        return self._redact(path, data, self._hidden, image)

    def probe_blocks(self, path: str, data: bytes) -> tuple[str, tuple[str, ...]]:
        """Give a page less the images in its blocks of unreleased posts, and those images."""
        targets: list[str] = []

        def image(target: str) -> str:
            targets.append(target)
            return "#"

        hidden = dict.fromkeys(self._hidden, Embargo.REDACT)
        rest = self._redact(path, data, hidden, image)
        return rest.decode("utf-8", "replace"), tuple(dict.fromkeys(targets))

    def _redact(
        self, path: str, data: bytes, hidden: Mapping[PostId, Embargo], image: Images
    ) -> bytes:
        prefix, body = _split(data)
        page = "/" + path.removeprefix(self._prefix)
        new = redaction.redact_blocks(
            body, page=page, posts=self._names, hidden=hidden, image=image
        )
        return data if new == body else (prefix + new).encode("utf-8", "surrogateescape")


def policy_of(post: Post, embargo: Embargo) -> Embargo | None:
    """Give how an unreleased post is held; ``None`` for what is public or not ours to hold."""
    if post.state is PostState.PUBLISHED:
        return None
    if post.state is PostState.DRAFT:
        return Embargo.OMIT  # nobody promised it
    policy = post.embargo or embargo
    return None if policy is Embargo.OFF else policy


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _names_of(scan: Scan, site_url: str) -> blocks.Posts:
    """Give what links can mean; a file in error may be any post that has its name."""
    broken = {p.path for p in scan.problems if p.severity == "error"}
    return blocks.Posts(
        site_url=site_url,
        paths={blocks.normal_path(p.url.removeprefix(site_url)): p.id for p in scan.posts},
        unread=frozenset(map(_stem, broken)),
    )


def _stem(path: str) -> str:
    file = PurePosixPath(path)
    return file.parent.name if file.name in SECTION_PAGES else file.stem


def _printable(path: str) -> str:
    """Write a path as the scan complains of it."""
    if path.isprintable():
        return path
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)


def _read_broken(path: str, top: Path) -> tuple[str, list[str]]:
    """Give the text of a file as far as it can be read at all, and the images it may mean."""
    try:
        data = read_file(top / path, path).data
    except PostError:
        return "", []
    text = whole = data.decode("utf-8", "replace")
    with suppress(UnreadableError):
        text = parse(data, path).body
    return text, [*redaction.image_targets(text), *names_in(whole)]


def _split(data: bytes) -> tuple[str, str]:
    """Give what precedes a page's body, and the body; every byte survives encoding again."""
    try:
        document = parse(data, "page")
    except UnreadableError:
        return "", data.decode("utf-8", "surrogateescape")
    mark = "\ufeff" if data.startswith(BOM) else ""
    return mark + document.text[: len(document.text) - len(document.body)], document.body
