"""What is unreleased in a site, file by file: under which policy, with which text and images.

A file of ``site.posts`` that cannot be used as a post is public, as its generator builds it, unless
it says that it is not, or was unreleased before it became unreadable. So is any other page, unless
it says that it is a draft, or its date, for which its generator would wait, is to come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from posixpath import splitext

from publisher.config.settings import Settings
from publisher.embargo import metadata, pages, redaction
from publisher.embargo.hidden import Hidden
from publisher.embargo.images import mentions_in, readings
from publisher.embargo.manifest import Manifest
from publisher.embargo.structure import Images
from publisher.generators.file_kinds import is_page, may_say_state
from publisher.model import Embargo, Post, PostId, PostState
from publisher.model.errors import PostError
from publisher.posts import blocks
from publisher.posts.fields import SECTION_PAGES, Reader, stem_of
from publisher.posts.said import said
from publisher.posts.scan import Scan, names_of, printable
from publisher.system.files import Content, changed, read_file
from publisher.system.tree import compile_globs
from publisher.text.frontmatter import Document, UnreadableError, parse, split


class Unreleased:
    """The unreleased files of one scan; paths as in ``Post``.

    ``policies`` are those of posts that are not public, ``broken`` the unreleased files that are no
    posts but should be; both only of files that ``look`` was told of. ``waiting`` are files that
    the ledger knows as not released. ``strays`` say that they are
    unreleased, and are no files of ``site.posts``; ``bundled`` files belong to such a post.
    """

    def __init__(
        self,
        settings: Settings,
        scan: Scan,
        root: str,
        gone: Collection[PostId] = (),
        overdue: Collection[PostId] = (),
        *,
        waiting: Collection[str] = (),
        now: datetime,
    ) -> None:
        self._waiting = waiting
        self._overdue = overdue
        self._now = now
        self._embargo = settings.embargo
        self._site = settings.site
        self._prefix = f"{root}/" if root else ""
        self._posts = {post.path: post for post in scan.posts}
        self._errors = scan.unreadable
        self._globs = compile_globs(self._site.posts)
        policies = ((post.id, policy_of(post, settings.embargo, gone)) for post in scan.posts)
        self._hidden = {name: policy for name, policy in policies if policy is not None}
        self._names = names_of(scan, self._site.url, prefix=self._prefix)
        self._site_facts = digest_of(repr(self._site))
        generator = self._site.generator
        words = (
            generator.state_key,
            generator.values,
            generator.also,
            generator.date_keys,
            generator.withholds,
        )
        self._page_facts = digest_of(repr((*words, generator.name, settings.embargo)))
        self._block_facts = ""
        self._excused: set[str] = set()
        self.policies: dict[str, Embargo] = {}
        self.broken: dict[str, None] = {}
        self.strays: dict[str, None] = {}
        self.bundled: dict[str, PostId] = {}

    @property
    def names(self) -> blocks.Posts:
        return self._names

    def omitted(self) -> Iterator[str]:
        """Give the paths of posts that have no page, as links mean them."""
        for path, name in self._names.paths.items():
            if self._hidden.get(name) is Embargo.OMIT:
                yield path

    @property
    def paths(self) -> list[str]:
        return [*self.policies, *self.broken, *self.strays]

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
        if path in self._errors or printable(path) in self._errors:
            return True
        is_section = path.rpartition("/")[2] in SECTION_PAGES
        return not is_section and self._is_of_posts(path)

    def _is_of_posts(self, path: str) -> bool:
        is_below = path.startswith(self._prefix)
        return is_below and self._globs.matches(path.removeprefix(self._prefix))

    def is_held(self, path: str) -> bool:
        return any(path in held for held in (self.policies, self.broken, self.strays, self.bundled))

    def is_overdue(self, path: str) -> bool:
        return self._posts[path].id in self._overdue

    def is_post(self, path: str) -> bool:
        return path in self._posts

    def version(self, path: str, size: int) -> str:
        """Give which version of a public post the scan has read; "" for what is no text of ours.

        Of other pages, and posts in error: under which words for states it was found public.
        """
        post = self._posts.get(path)
        if post is not None:
            return post.digest
        return self._page_facts if path in self._excused or self.may_stray(path, size) else ""

    # --- what no post of the scan is -----------------------------------------------------------

    def may_stray(self, path: str, size: int) -> bool:
        """Tell whether a file may say that it is unreleased, and nobody else has asked it."""
        return (
            path.startswith(self._prefix)
            and may_say_state(path, size)
            and path not in self._posts
            and not self._is_of_posts(path)
            and not self.is_refused(path)
        )

    def find_stray(self, path: str, top: Path) -> None:
        with suppress(PostError):  # gone, or whoever stages it will say what is wrong
            if self._says_unreleased(path, read_file(top / path, path).data):
                self.strays[path] = None

    def _says_unreleased(self, path: str, data: bytes) -> bool:
        found = said(data, path, self._site, is_post=self._is_of_posts(path))
        return found.is_unreleased(self._now, self._embargo)

    def find_described(self, paths: Collection[str]) -> None:
        """Hold the texts whose frontmatter is in a file beside them that is not released."""
        described = self._site.generator.texts_described_by
        texts = {text for path in self.strays for text in described(path)}
        self.strays |= dict.fromkeys(sorted(texts.intersection(paths) - self._posts.keys()))

    def excuse(self, path: str, top: Path) -> bool:
        """Let a file of posts in error go public, unless it says that it is not released.

        :raises PostError: when it cannot be read at all.
        """
        if self._says_unreleased(path, read_file(top / path, path).data):
            return False
        del self.broken[path]
        self._excused.add(path)
        return True

    def is_waiting(self, path: str) -> bool:
        return path in self._waiting

    def find_bundled(self, held: Iterable[str], paths: Collection[str]) -> None:
        """Find what lies in the folders of these posts, and with them only."""
        bases = [f"{self._prefix}{base}".rstrip("/") + "/" for base in self._globs.bases]
        for index in held:
            folder, _, name = index.rpartition("/")
            if PurePosixPath(name).stem != "index" or any(
                base.startswith(f"{folder}/") for base in bases
            ):
                continue
            inside = {path for path in paths if path.startswith(f"{folder}/")}
            inside = {path for path in inside if not self.is_held(path)}
            suffix = splitext(name)[1]
            if self._site.generator.bundles or not any(
                is_page(p, 0) or splitext(p)[1] == suffix for p in inside
            ):
                post = self._posts[index].id if index in self._posts else PostId(stem_of(index))
                self.bundled |= dict.fromkeys(inside - self._posts.keys(), post)

    def check(self, path: str, content: Content) -> None:
        """Refuse a public file that is not, or no longer, what the scan took it for.

        :raises PostError: when it changed since.
        """
        post = self._posts.get(path)
        if post is not None:
            if content.digest != post.digest:
                raise changed(path)
        elif path in self._excused:
            if self._says_unreleased(path, content.data):
                raise changed(path)
        elif self._is_of_posts(path):
            reader = Reader(parse(content.data, path), self._site)
            if reader.read(content.digest) is not None or reader.problems:
                raise changed(path)
        elif self.may_stray(path, len(content.data)) and self._says_unreleased(path, content.data):
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
        for path in (*self.broken, *self.strays):
            known = f"{stamps[path]} {self._site_facts}"
            note = manifest.notes.get(path)
            if note is None or note.known != known:
                try:
                    text, targets = _read_broken(path, top)
                except PostError:
                    continue  # what is known of it stays
                hidden = Hidden(
                    post=PostId(stem_of(path)),
                    path=path,
                    url=note.url if note else "",
                    policy=note.policy if note else Embargo.OMIT,
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

    def teaser(self, path: str) -> str:
        return pages.teaser_of(self._posts[path])

    def facts(self, path: str) -> str:
        """Give all that a staged post is made from besides its own file, and which version that is.

        Parts and hero come from other files; all else of a post from its own and the settings.
        """
        post = self._posts[path]
        parts = post.series.parts if post.series else 0
        hero = post.hero.path if post.hero else None
        when = "overdue " if self.is_overdue(path) else ""
        return f"{self.policies[path]} {post.digest} {parts} {hero} {when}{self._site_facts}"

    def _targets(self, document: Document, post: Post) -> list[str]:
        """Give the targets of all images that the post shows anywhere, as written."""
        targets = [post.hero.url] if post.hero and post.hero.url else []

        def image(target: str) -> str:
            targets.append(target)
            return target

        metadata.staged_metadata(document, post, self._site, Embargo.REDACT, image=image)
        targets += redaction.image_targets(document.body)
        targets += _names_in(document.text)
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
        prefix, body = split(data)
        page = "/" + path.removeprefix(self._prefix)
        head = redaction.redact_values(prefix, posts=self._names, hidden=hidden)
        new = head + redaction.redact_blocks(
            body, page=page, posts=self._names, hidden=hidden, image=image
        )
        return data if new == prefix + body else new.encode("utf-8", "surrogateescape")


def policy_of(post: Post, embargo: Embargo, gone: Collection[PostId] = ()) -> Embargo | None:
    """Give how an unreleased post is held; ``None`` for what is public or not ours to hold.

    Posts in ``gone`` were withdrawn: many generators have one word for those and coming ones.
    """
    if post.state is PostState.PUBLISHED:
        return None
    if post.state is PostState.DRAFT or post.id in gone:
        return Embargo.OMIT  # nobody promised it
    policy = post.embargo or embargo
    return None if policy is Embargo.OFF else policy


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _read_broken(path: str, top: Path) -> tuple[str, list[str]]:
    """Give the text of a file as far as it can be understood, and the images it may mean."""
    data = read_file(top / path, path).data
    text = whole = data.decode("utf-8", "replace")
    with suppress(UnreadableError):
        text = parse(data, path).body
    return text, [*redaction.image_targets(text), *_names_in(whole)]


def _names_in(text: str) -> list[str]:
    """Give the images that a text may show in ways of its generator or theme."""
    return sorted({path for mention in mentions_in(text) for path in readings(mention)})
