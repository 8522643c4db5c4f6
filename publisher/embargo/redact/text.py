"""Redacts texts: parses Markdown, and writes what has its structure in filler. Pure.

The text is written anew from the parsed one, and only what ``Writer`` knows is ever written: what
it does not know becomes filler or nothing. No raw tag, brace, dollar or backslash is in it, nor a
comment but the mark of an excerpt, whatever the text held, so every generator builds it and no
template language finds a word in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from textwrap import indent
from urllib.parse import quote

from markdown_it.token import Token

from publisher.embargo.containers import ALERT, balanced, excerpt_mark, mark_in, with_marks
from publisher.embargo.redact.filler import OPENING, PUNCTUATION, Filler
from publisher.generators.file_kinds import IMAGES
from publisher.text.markdown import parser_of

Images = Callable[[str], str]  # the target of an image as written -> that of its placeholder

# Words that say in which language code is written, not what it says.
LANGUAGES = frozenset(
    {"bash", "c", "clojure", "cpp", "csharp", "css", "dart", "diff", "dockerfile", "elixir"}
    | {"elm", "erlang", "go", "graphql", "haskell", "html", "ini", "java", "javascript", "js"}
    | {"json", "jsx", "julia", "kotlin", "less", "lua", "makefile", "markdown", "md", "nginx"}
    | {"nix", "ocaml", "perl", "php", "powershell", "py", "python", "r", "rb", "ruby", "rust"}
    | {"scala", "scss", "sh", "shell", "sql", "swift", "text", "toml", "ts", "tsx", "typescript"}
    | {"xml", "yaml", "yml", "zig", "zsh"}
)

GREY_PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAICAgAAAACwAAAAAAQABAAACAkQBADs="
_DATA = re.compile(r"data:[\w/+.;=-]{0,100},[\w+/=%-]*", re.IGNORECASE)
_UNENCODABLE = re.compile("[\0\ud800-\udfff]")
_MACHINERY = re.compile(  # ids and classes, expressions, shortcodes: no reader sees them
    r"(?:(?<![ \t])[ \t]++)?\{[:#.][^{}\n]*\}|\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}"
)
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
UNSHOWN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_HTML_IMAGE = re.compile(
    r"""<img\b[^<>]*?\ssrc\s*=\s*(?:"([^"{}]*)"|'([^'{}]*)'|([^\s"'<>{}]+))""", re.IGNORECASE
)
_HTML_TAG = re.compile(r"<[^<>]*>?")
IMAGE_PATH = re.compile(
    rf"\.(?:{'|'.join(sorted(suffix[1:] for suffix in IMAGES))})(?:[?#][^\s]*)?\Z", re.IGNORECASE
)
_QUOTED = re.compile(
    r"""(?<=[=(\s{,\[])(?:"([^"\n]{1,1000})"|'([^'\n]{1,1000})')|url\(\s*([^\s"'()]{1,1000})"""
)
_EDGE = "".join(sorted(PUNCTUATION)) + " \n"
_NO_LINE_START = "".join(sorted(PUNCTUATION - OPENING)) + " "
_TAIL = frozenset(".,;:?…")  # what may follow a mark of emphasis: a quote alone would be odd
_MARKS = {"em": "*", "strong": "**", "s": "~~"}


def redact(body: str, *, seed: str, image: Images) -> str:
    """Write the text with filler for every word, and placeholders for its images.

    The same seed gives the same filler. Raw HTML leaves the filler of its text; scripts, the marks
    of shortcodes and comments leave nothing, unless an excerpt ends there. Never raises.
    """
    texts = [text for _, text in Writer(Filler(seed), image).blocks(parse(body))]
    return "\n\n".join(texts) + "\n" if texts else ""


def image_targets(body: str) -> tuple[str, ...]:
    """Give the target of every image a text shows, as written, by tags and shortcodes too."""
    found: dict[str, None] = {}
    for token in parse(body):
        for part in (token, *(token.children or ())):
            if part.type == "image":
                found[str(part.attrs["src"])] = None
            elif part.type in {"html_block", "html_inline", "text"}:
                found.update(dict.fromkeys(named_images(part.content)))
            if part.type == "html_block":  # what the removal of comments joins is shown, too
                found.update(dict.fromkeys(_sources(UNSHOWN.sub("", part.content))))
    return tuple(target for target in found if target and not target.startswith("data:"))


# --- parsing ---------------------------------------------------------------------------------


def parse(body: str) -> list[Token]:
    """Parse any text in bounded time; links are as written."""
    text = _DATA.sub("data:,", _UNENCODABLE.sub("\ufffd", body))
    lines = re.split(r"\r\n?|\n", text)
    parser = parser_of(text, "strikethrough")
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]  # as written
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # none is written
    return parser.parse("\n".join(with_marks(lines)))


def named_images(markup: str) -> Iterator[str]:
    """Give the targets of images that tags and shortcodes name, as written."""
    yield from _sources(markup)
    for match in _QUOTED.finditer(markup):
        value = next(target for target in match.groups() if target is not None).strip("\"'")
        for target in (value, *(part.strip().partition(" ")[0] for part in value.split(","))):
            if IMAGE_PATH.search(target) and target.strip() == target:
                yield target


def _sources(markup: str) -> Iterator[str]:
    for match in _HTML_IMAGE.finditer(markup):
        yield next(target for target in match.groups() if target is not None)


def _nodes(tokens: Sequence[Token]) -> Iterator[tuple[Token, Sequence[Token]]]:
    """Give each token of the first level with what is inside of it."""
    depth, start = 0, 0
    for at, token in enumerate(tokens):
        if depth == 0:
            start = at
        depth += token.nesting
        if depth == 0:
            yield tokens[start], tokens[start + 1 : at]


# --- writing ---------------------------------------------------------------------------------


class Writer:
    """Writes tokens as Markdown in filler."""

    def __init__(self, filler: Filler, image: Images) -> None:
        self._filler = filler
        self._image = image

    def blocks(self, tokens: Sequence[Token], *, is_item: bool = False) -> list[tuple[str, str]]:
        """Give type and text of each block, without those of which nothing is left."""
        found: list[tuple[str, str]] = []
        for token, inside in _nodes(tokens):
            text = self._block(token, inside, is_task=is_item and not found)
            if text:
                is_mark = token.type == "html_block" and bool(mark_in(token.content))
                found.append(("container" if is_mark else token.type, text))
        return balanced(found)

    def _block(self, token: Token, inside: Sequence[Token], *, is_task: bool) -> str:
        match token.type:
            case "paragraph_open":
                return self._paragraph(inside[0], is_task=is_task)
            case "heading_open":
                return f"{'#' * int(token.tag[1])} {self._line(inside[0])}".rstrip()
            case "blockquote_open":
                alert = _take_alert(inside)
                text = alert + "\n\n".join(text for _, text in self.blocks(inside))
                return "\n".join(f"> {line}".rstrip() for line in text.rstrip().split("\n"))
            case "bullet_list_open" | "ordered_list_open":
                return self._list(inside, mark=token.markup)
            case "table_open":
                return self._table(inside)
            case "fence" | "code_block":
                return self._fence(token)
            case "html_block":
                return mark_in(token.content) or self._html(token.content)
            case "hr":
                return "___"  # no other sign can be mistaken for a heading, a list or frontmatter
            case _:
                return ""

    def _list(self, items: Sequence[Token], *, mark: str) -> str:
        """Write a list; contents begin in column 4, as Python-Markdown insists."""
        is_tight = any(token.hidden for token in items if token.level == items[0].level + 1)
        texts = []
        for number, (_, inside) in enumerate(_nodes(items), start=1):
            marker = mark if mark in {"-", "*", "+"} else f"{number}{')' if mark == ')' else '.'}"
            width = max(4, len(marker) + 1)
            content = _joined(self.blocks(inside, is_item=True), is_tight=is_tight)
            texts.append((marker.ljust(width) + indent(content, " " * width)[width:]).rstrip())
        return ("\n" if is_tight else "\n\n").join(texts)

    def _table(self, tokens: Sequence[Token]) -> str:
        rows: list[list[str]] = []
        rules: list[str] = []
        for before, token in pairwise(tokens):
            if before.type == "tr_open":
                rows.append([])
            if before.type in {"th_open", "td_open"}:
                rows[-1].append(self._line(token))
            if before.type == "th_open":
                rules.append(_rule(str(before.attrs.get("style", ""))))
        rows.insert(1, rules)
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def _fence(self, token: Token) -> str:
        word = re.match(r"[A-Za-z]+", token.info.strip())
        language = word[0].lower() if word and word[0].lower() in LANGUAGES else ""
        code = self._filler.code(token.content.removesuffix("\n"))
        return "\n".join([f"```{language}", *([code] if token.content else []), "```"])

    def _html(self, markup: str) -> str:
        """Write what a reader would see of raw HTML."""
        shown = UNSHOWN.sub("", markup)
        text = _tidy(self._filler.text(_HTML_TAG.sub(" ", shown).strip()))
        return "\n\n".join(filter(None, [excerpt_mark(markup), *self._pictures(shown), text]))

    def _paragraph(self, inline: Token, *, is_task: bool) -> str:
        children = list(inline.children or ())
        task = _TASK.match(children[0].content) if is_task and children else None
        if task:
            rest = children[0].copy(content=children[0].content[task.end() :])
            children[0] = rest
        text = self._inline(children)
        marks = (excerpt_mark(t.content) for t in children if t.type == "html_inline")
        return "\n\n".join(filter(None, [f"[{task[1]}] {text}" if task else text, *marks]))

    def _line(self, inline: Token) -> str:
        return " ".join(self._inline(inline.children or ()).split())

    def _inline(self, tokens: Sequence[Token]) -> str:
        """Write emphasis, code, links and images; a text that only holds signs becomes a word."""
        pieces, has_words = _Pieces(), False
        for token in tokens:
            name, _, side = token.type.rpartition("_")
            if token.type == "text":
                shown = _MACHINERY.sub("", token.content)
                has_words = has_words or bool(shown.strip())
                pieces.text(self._filler.text(shown))
            elif token.type in {"softbreak", "hardbreak"}:
                pieces.text("\n" if token.type == "softbreak" else "  \n")
            elif token.type == "code_inline":
                pieces.whole(f"`{self._filler.phrase(token.content)}`")
            elif token.type == "image":
                pieces.whole(self._picture(str(token.attrs["src"]), token.content))
            elif token.type == "html_inline":
                pieces.gap()
                for picture in self._pictures(token.content):
                    pieces.whole(picture)
            elif token.type == "link_open":
                pieces.whole("[")
            elif token.type == "link_close":
                pieces.link(self._filler.phrase(""))
            elif name in _MARKS and side == "open":
                pieces.open(_MARKS[name])
            elif name in _MARKS:
                pieces.close(_MARKS[name])
        return _tidy(pieces.join()) or (self._filler.phrase("") if has_words else "")

    def _pictures(self, markup: str) -> list[str]:
        return [self._picture(target, "image") for target in _sources(markup)]

    def _picture(self, target: str, alt: str) -> str:
        text = self._filler.phrase(alt) if alt.strip() else ""
        if target.startswith("data:") or not target:
            return f"![{text}]({GREY_PIXEL})"
        return f"![{text}]({quote(self._image(target), safe='/%?=&+,;:@#~', errors='replace')})"


class _Pieces:
    """The pieces of a text. Marks of emphasis stand right at a word, else they would be signs."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, bool]] = []  # with whether it is text
        self._opened: list[int] = []

    def text(self, text: str) -> None:
        if self._opened and self._opened[-1] == len(self._pieces) - 1:
            text = text.lstrip(_EDGE)
        if text[:1].isspace() and self._pieces[-1:] == [(" ", True)]:
            self._pieces.pop()
        if text:
            self._pieces.append((text, True))

    def gap(self) -> None:
        """Keep what precedes and what follows from becoming one word."""
        if self._pieces and self._pieces[-1][0][-1].isalnum():
            self._pieces.append((" ", True))

    def whole(self, piece: str) -> None:
        self._pieces.append((piece, False))

    def open(self, mark: str) -> None:
        self._opened.append(len(self._pieces))
        self.whole(mark)

    def close(self, mark: str) -> None:
        """Close the innermost mark behind its last word; what holds no word has no marks."""
        start = self._opened.pop() if self._opened else 0
        tail = ""
        while len(self._pieces) > start + 1 and self._pieces[-1][1]:
            text = self._pieces.pop()[0]
            words = text.rstrip(_EDGE)
            tail = text[len(words) :] + tail
            if words:
                self._pieces.append((words, True))
                break
        if len(self._pieces) == start + 1:
            self._pieces.pop()
            self.gap()
        else:
            self.whole(mark)
        self.text("".join(sign for sign in tail if sign in _TAIL))

    def link(self, word: str) -> None:
        """Close a link, with a word where nothing is in it."""
        if self._pieces[-1:] == [("[", False)]:
            self.text(word)
        self.whole("](#)")

    def join(self) -> str:
        return "".join(text for text, _ in self._pieces)


def _take_alert(inside: Sequence[Token]) -> str:
    """Take the mark of an alert off what is quoted, and give it as a line."""
    first = inside[1].children or [] if len(inside) > 1 else []
    alert = ALERT.match(first[0].content) if first and first[0].type == "text" else None
    if alert is None:
        return ""
    first[0].content = first[0].content[alert.end() :]
    if not first[0].content and len(first) > 1 and first[1].type == "softbreak":
        del first[:2]
    return f"[!{alert[1].upper()}]\n"


def _joined(parts: Sequence[tuple[str, str]], *, is_tight: bool) -> str:
    """Join the blocks of an item; only a list may follow a line of text without a blank one."""
    text = ""
    for n, (kind, part) in enumerate(parts):
        is_list = kind in {"bullet_list_open", "ordered_list_open"}
        is_close = is_tight and is_list and parts[n - 1][0] == "paragraph_open"
        has_content = bool(part.partition("\n")[0].strip("-*+.)0123456789 "))
        separator = "" if n == 0 else "\n" if is_close and has_content else "\n\n"
        text += separator + part
    return text


def _rule(style: str) -> str:
    side = style.removeprefix("text-align:")
    return {"left": ":---", "center": ":---:", "right": "---:"}.get(side, "---")


def _tidy(text: str) -> str:
    """Let every line begin with a word or what belongs to one; leave out lines without."""
    lines = []
    for line in text.split("\n"):
        kept = line.lstrip(_NO_LINE_START).rstrip()
        if kept.strip(_EDGE):
            lines.append(kept + ("  " if line.endswith("  ") else ""))
    return "\n".join(lines).rstrip()
