from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher import check
from publisher.config import load
from publisher.config.settings import ChannelSettings, RebuildSettings, Settings, VerifySettings
from publisher.model import ChannelName, Problem
from publisher.model.errors import PublisherError
from publisher.model.secret import SecretRef
from publisher.posts.library import Library
from tests.posts.sites import a_library, write

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "tests" / "data" / "seeds"
NOW = datetime(2025, 11, 3, 12, tzinfo=UTC)
BLURRED = '<PostPreview blurred post="{}">\n\nSoon.\n\n</PostPreview>\n'
Row = tuple[str, int | None, str]


def settings_of(library: Library, **changes: Any) -> Settings:
    facts: dict[str, Any] = {
        "file": library.project / "jobs.yaml",
        "site": library.site,
        "state_dir": library.project / ".publisher",
        "ledger_url": "sqlite://",
        "rebuild": None,
        "verify": VerifySettings(feed="/feed.xml", sitemap="/sitemap.xml"),
        "max_late": timedelta(hours=6),
        "stale_after": timedelta(hours=24),
        "burst": 5,
        "channels": (),
    }
    return Settings(**{**facts, **changes})


def problems_of(
    project: Path,
    *,
    paths: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    generator: str = "vitepress",
    **changes: Any,
) -> tuple[Problem, ...]:
    library = a_library(project, generator=generator)
    if not (project / "content" / "blog" / "index.md").exists():
        write(project, "blog/index.md", "# Blog\n")  # no post, but what site.posts means
    settings = settings_of(library, **changes)
    return check.run(settings, library, now=NOW, environ=environ or {}, paths=paths)


def rows(problems: Sequence[Problem]) -> list[Row]:
    """Give rule, line and message of what has to do with posts and pages."""
    return [(p.rule, p.line, p.message) for p in problems if p.rule != "embargo-off"]


def rules(problems: Sequence[Problem]) -> list[tuple[str, int | None]]:
    return [(rule, line) for rule, line, _ in rows(problems)]


def a_page(body: str, *, date: str = "2025-11-02", more: str = "") -> str:
    return f"---\ntitle: T\ndescription: D\ndate: {date}\n{more}---\n{body}\n"


def a_post(project: Path, name: str, *, date: str = "2025-11-04", **keys: str) -> Path:
    lines = {"title": "T", "description": "D", "date": date, "status": "scheduled", **keys}
    head = "".join(f"{key}: {value}\n" for key, value in lines.items() if value)
    return write(project, f"blog/{name}.md", f"---\n{head}---\nText of its own.\n")


def seed(project: Path, name: str) -> Path:
    return write(project, f"blog/{name}.md", (SEEDS / f"{name}.md").read_bytes())


def the_series(project: Path) -> None:
    write(project, "blog/index.md", "# Blog\n")
    a_post(project, "claude-code-stalactite", date="2025-11-04")
    a_post(project, "claude-code-workflow", date="2025-11-11")
    a_post(project, "claude-code-collective", date="2025-11-25")


@pytest.fixture
def types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare channel types as an installed package does."""
    package = tmp_path / "installed" / "channels-0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: channels\nVersion: 0\n")
    (package / "entry_points.txt").write_text(
        "[publisher.channels]\noutbox = publisher.channels.outbox:Outbox\n"
    )
    monkeypatch.syspath_prepend(package.parent)


def an_outbox(name: str = "x", **changes: Any) -> ChannelSettings:
    facts: dict[str, Any] = {"name": ChannelName(name), "type": "outbox", "options": {"shape": "x"}}
    return ChannelSettings(**{**facts, **changes})


# --- the three real pages --------------------------------------------------------------------


def test_the_landing_page_of_the_real_series(tmp_path: Path) -> None:
    the_series(tmp_path)
    seed(tmp_path, "chronicles")

    found = rows(problems_of(tmp_path))

    twice = "the text was encoded twice"
    image = "'/images/blog/chronicles/landing-hero-reveal.jpg'"
    claim = "says 'over three weeks', but the schedule on this page goes up to week 4 (line 147)"
    assert found == [
        ("missing-image", 6, f"there is no file for {image}"),
        ("mojibake", 26, twice),
        ("schedule-claim", 38, claim),
        ("mojibake", 44, twice),
        ("mojibake", 53, twice),
        ("mojibake", 68, twice),
        ("mojibake", 87, twice),
        ("mojibake", 94, twice),
        ("mojibake", 111, twice),
        ("mojibake", 122, twice),
        ("mojibake", 156, twice),
        ("mojibake", 157, twice),
        ("mojibake", 158, twice),
        ("mojibake", 167, twice),
    ]


def test_the_landing_page_under_embargo(tmp_path: Path) -> None:
    the_series(tmp_path)
    seed(tmp_path, "chronicles-embargoed")

    found = rows(problems_of(tmp_path))

    twice = "the text was encoded twice"
    assert found == [
        ("mojibake", 21, twice),
        ("weekday-mismatch", 24, "Monday, November 4th is a Tuesday in 2025"),
        ("mojibake", 41, twice),
        ("weekday-mismatch", 44, "Monday, November 11th is a Tuesday in 2025"),
        ("mojibake", 62, twice),
        ("weekday-mismatch", 65, "Monday, November 25th is a Tuesday in 2025"),
        ("mojibake", 93, twice),
        ("mojibake", 94, twice),
        ("empty-link", 95, "this link leads nowhere (#)"),
        ("mojibake", 95, twice),
    ]


def test_the_landing_page_without_the_posts_it_previews(tmp_path: Path) -> None:
    seed(tmp_path, "chronicles-embargoed")

    found = rules(problems_of(tmp_path))

    assert [row for row in found if row[0] not in ("mojibake", "empty-link")] == [
        ("dead-link", 21),
        ("orphan-preview", 23),
        ("weekday-mismatch", 24),
        ("dead-link", 41),
        ("orphan-preview", 43),
        ("weekday-mismatch", 44),
        ("dead-link", 62),
        ("orphan-preview", 64),
        ("weekday-mismatch", 65),
    ]


def test_the_text_without_frontmatter_is_reported_once(tmp_path: Path) -> None:
    seed(tmp_path, "collective")

    found = rows(problems_of(tmp_path))

    assert found == [("no-frontmatter", 1, "has no frontmatter")]


def test_fixing_the_real_pages_leaves_what_needs_a_person(tmp_path: Path) -> None:
    the_series(tmp_path)
    page = seed(tmp_path, "chronicles-embargoed")
    library = a_library(tmp_path)
    settings = settings_of(library)
    problems = check.run(settings, library, now=NOW, environ={})

    changed = check.fix(settings, library, problems)

    assert changed == ("content/blog/chronicles-embargoed.md",)
    left = check.run(settings, library, now=NOW, environ={})
    assert [(p.rule, p.line, p.hint) for p in left if p.path == changed[0]] == [
        ("mojibake", 94, "some of it is lost: type the broken characters again"),
        ("empty-link", 95, "give it a target, or make it text"),
    ]
    before = (SEEDS / "chronicles-embargoed.md").read_text().split("\n")
    after = page.read_text().split("\n")
    pairs = enumerate(zip(before, after, strict=True), 1)
    mended = [number for number, (old, new) in pairs if old != new]
    assert mended == [21, 24, 41, 44, 62, 65, 93, 95]
    assert after[20] == "**[📖 Read Part 1 →](/blog/claude-code-stalactite)**"
    assert after[23] == '  <RevealStamp date="Tuesday, November 4th" />'


# --- days ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prose", "message"),
    [
        ("Out on Monday, November 4.", "Monday, November 4 is a Tuesday in 2025"),
        ("Out Mon, Nov 4th.", "Mon, Nov 4th is a Tuesday in 2025"),
        ("Out on Nov 4 (Monday).", "Nov 4 (Monday) is a Tuesday in 2025"),
        ("Out on Monday, 4 November 2025.", "Monday, 4 November 2025 is a Tuesday in 2025"),
        ("Out on 2025-11-04 (Monday).", "2025-11-04 (Monday) is a Tuesday in 2025"),
        ("Out Monday the 4th of November.", "Monday the 4th of November is a Tuesday in 2025"),
    ],
)
def test_a_weekday_in_prose_must_be_that_of_its_date(
    tmp_path: Path, prose: str, message: str
) -> None:
    write(tmp_path, "index.md", a_page(prose))

    found = rows(problems_of(tmp_path))

    assert found == [("weekday-mismatch", 6, message)]


@pytest.mark.parametrize(
    "prose",
    [
        "Out on Tuesday, November 4th.",
        "In 2024 we met on Monday, November 4th.",
        "See you on Tuesday, January 6.",  # of the next year, from a page of November
        "Out on Tuesday, November 4, 2025, or else Tuesday, November 5, 2024.",
        "It is `Monday, November 4th` there.",
        "```\nMonday, November 4th\n```",
        "<!-- Monday, November 4th -->",
        "March 2027, or 4 November, or the 4th.",
        "On Monday, November 31 nothing happens.",
    ],
)
def test_dates_that_may_be_right_are_left_alone(tmp_path: Path, prose: str) -> None:
    write(tmp_path, "index.md", a_page(prose))

    assert rows(problems_of(tmp_path)) == []


def test_a_date_in_frontmatter_is_judged_like_prose(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern", teaser='"Out on Monday, November 4th"')

    found = rows(problems_of(tmp_path))

    assert found == [("weekday-mismatch", 6, "Monday, November 4th is a Tuesday in 2025")]


def test_a_page_without_a_date_says_nothing_about_years(tmp_path: Path) -> None:
    write(tmp_path, "index.md", "Out on Monday, November 4th.\n")

    assert rows(problems_of(tmp_path)) == []


def test_a_stamp_must_name_the_day_of_its_post(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern", date="2025-11-11")
    stamp = '<RevealStamp date="Monday, November 4th" />'
    write(tmp_path, "index.md", BLURRED.format("pattern").replace("Soon.", stamp))

    (problem,) = (p for p in problems_of(tmp_path) if p.rule != "embargo-off")

    assert (problem.rule, problem.line) == ("stamp-date-mismatch", 3)
    assert problem.message == (
        "the stamp says Monday, November 4th, but content/blog/pattern.md is released on 2025-11-11"
    )
    assert problem.hint == 'write date="Tuesday, November 11th", or change the date of the post'


def test_the_day_of_a_stamp_is_the_local_day(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern", date="2025-11-10T23:30:00Z")  # 00:30 on the 11th in Oslo
    stamp = '<RevealStamp date="Tuesday, November 11th" />'
    write(tmp_path, "index.md", BLURRED.format("pattern").replace("Soon.", stamp))

    assert rows(problems_of(tmp_path)) == []


def a_page_with_previews(project: Path, prose: str) -> None:
    the_series(project)
    names = ("stalactite", "workflow", "collective")
    previews = "\n".join(BLURRED.format(f"claude-code-{name}") for name in names)
    write(project, "index.md", a_page(f"{prose}\n\n{previews}"))


@pytest.mark.parametrize(
    ("claim", "span"),
    [
        ("Three posts over two months.", "1 month"),
        ("Three parts, released over 10 days.", "21 days"),
        ("A series, revealed within the next six weeks.", "3 weeks"),
    ],
)
def test_a_claimed_span_is_compared_with_the_releases(
    tmp_path: Path, claim: str, span: str
) -> None:
    a_page_with_previews(tmp_path, claim)

    (found,) = rows(problems_of(tmp_path))

    assert found[:2] == ("schedule-claim", 6)
    assert found[2].endswith(f"released from 2025-11-04 to 2025-11-25: about {span}")


@pytest.mark.parametrize(
    "claim",
    [
        "Three posts over three weeks.",
        "Three posts over four weeks, the last one in week 4.",
        "I learned it over ten weeks in the hills. The posts came later.",
    ],
)
def test_a_claimed_span_may_be_rounded(tmp_path: Path, claim: str) -> None:
    a_page_with_previews(tmp_path, claim)

    assert rows(problems_of(tmp_path)) == []


def test_thousands_of_code_spans_are_no_burden(tmp_path: Path) -> None:
    write(tmp_path, "index.md", "A `code span` and `another one`.\n\n" * 5_000)

    assert rows(problems_of(tmp_path)) == []


def test_published_with_a_date_to_come_is_a_warning(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern", date="2025-11-04", status="published")

    (problem,) = problems_of(tmp_path)

    assert (problem.rule, problem.severity, problem.line) == ("published-in-future", "warning", 4)
    assert problem.hint == "to have it wait, set embargo, or write status: scheduled"


# --- links -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "[a](/blog/pattern)",
        "[a](/blog/pattern.html#anchor)",
        "[a](blog/pattern.md)",
        "[a](./blog/pattern)",
        "[a](https://example.org/blog/pattern?from=home)",
        "[a](/about/)",
        "[a](/)",
        "[a](#part-1)",
        "[a](/feed.xml)",
        "[a](/sitemap.xml)",
        "[a](/files/plan%20b.pdf)",
        "![a](/files/plan%20b.pdf)",
        "[a](https://elsewhere.example/nothing)",
        "[a](mailto:me@example.org)",
        '<a href="/about">a</a>',
        '<a :href="computed">a</a>',
        "[a]({{ site.url }}/x)",
        "`[a](/nothing)`",
        "```\n[a](/nothing)\n```",
        "<!-- [a](/nothing) -->",
    ],
)
def test_links_that_lead_somewhere(tmp_path: Path, link: str) -> None:
    a_post(tmp_path, "pattern")
    write(tmp_path, "about/index.md", "# About\n")
    write(tmp_path, "public/files/plan b.pdf", b"%PDF")
    write(tmp_path, "index.md", link + "\n")

    assert rows(problems_of(tmp_path)) == []


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("One\n[a\nb](/nothing)", ("dead-link", 2, "/nothing is no page or file of this site")),
        ("[a][1]\n\n[1]: /nothing", ("dead-link", 1, "/nothing is no page or file of this site")),
        ("![a](/no.png)", ("dead-link", 1, "/no.png is no image of this site")),
        ("<p>\n<a href='/no'>a</a></p>", ("dead-link", 2, "/no is no page or file of this site")),
        ("[a](https://example.org/no)",
         ("dead-link", 1, "https://example.org/no is no page or file of this site")),
        ("[a](#)", ("empty-link", 1, "this link leads nowhere (#)")),
        ("[a]()", ("empty-link", 1, "this link leads nowhere")),
    ],
)  # fmt: skip
def test_links_that_lead_nowhere(tmp_path: Path, text: str, row: Row) -> None:
    write(tmp_path, "index.md", text + "\n")

    assert rows(problems_of(tmp_path)) == [row]


def test_a_link_is_relative_to_its_page(tmp_path: Path) -> None:
    write(tmp_path, "notes #1/one.md", "[a](two), [b](../index.md), [c](./three.md)\n")
    write(tmp_path, "notes #1/two.md", "# Two\n")
    write(tmp_path, "index.md", "# Home\n")

    assert rows(problems_of(tmp_path)) == [
        ("dead-link", 1, "./three.md is no page or file of this site")
    ]


@pytest.mark.parametrize("name", ["blog/jig.mdx", "about.mdx", "about.markdown"])
def test_links_of_pages_in_other_kinds_of_markdown_are_checked(name: str, tmp_path: Path) -> None:
    write(tmp_path, name, a_page("Text.\n\n[Here](/blog/index), [there](/nowhere).\n"))

    found = problems_of(tmp_path, generator="astro")

    assert [p.message for p in found if p.rule == "dead-link"] == [
        "/nowhere is no page or file of this site"
    ]


def test_a_comment_in_mdx_holds_no_links(tmp_path: Path) -> None:
    text = "{/* [old](/nowhere)\n\n[older](/nowhere) */}\n\n[new](/gone)\n"
    write(tmp_path, "about.mdx", a_page(text))

    found = problems_of(tmp_path, generator="astro")

    lines = [(p.line, p.message) for p in found if p.rule == "dead-link"]
    assert lines == [(10, "/gone is no page or file of this site")]


def test_a_site_below_a_path_links_with_and_without_it(tmp_path: Path) -> None:
    write(tmp_path, "about.md", "# About\n")
    write(tmp_path, "blog/index.md", "# Blog\n")
    write(tmp_path, "index.md", "[a](/about), [b](https://example.org/base/about), [c](/base/no)\n")
    library = a_library(tmp_path, url="https://example.org/base")

    found = check.run(settings_of(library), library, now=NOW, environ={})

    assert rows(found) == [("dead-link", 1, "/base/no is no page or file of this site")]


def test_a_page_that_only_the_build_knows_is_no_dead_link(tmp_path: Path) -> None:
    output = tmp_path / "content" / ".vitepress" / "dist"
    write(tmp_path, ".vitepress/dist/tags/wood.html", "<p>Wood</p>")
    write(tmp_path, "index.md", "[a](/tags/wood)\n")
    rebuild = RebuildSettings(command=("/bin/sh",), output=output)

    assert rows(problems_of(tmp_path, rebuild=rebuild)) == []


def test_a_link_too_long_for_a_file_name_is_dead(tmp_path: Path) -> None:
    rebuild = a_build(tmp_path, {})
    write(tmp_path, "index.md", f"[a](/{'n' * 300})\n")

    assert rules(problems_of(tmp_path, rebuild=rebuild)) == [("dead-link", 1)]


def test_a_generator_with_pages_of_its_own_gets_a_warning(tmp_path: Path) -> None:
    write(tmp_path, "index.md", "[a](/tags/wood)\n")

    (problem,) = problems_of(tmp_path, generator="hugo")

    assert (problem.rule, problem.severity) == ("dead-link", "warning")


def test_a_link_to_a_post_that_cannot_be_read_is_not_dead(tmp_path: Path) -> None:
    write(tmp_path, "blog/pattern.md", "---\ntitle: [\n---\n")
    write(tmp_path, "index.md", "[a](/blog/pattern)\n")

    assert rules(problems_of(tmp_path)) == [("bad-frontmatter", 3)]


def test_a_public_link_to_a_draft_without_a_date(tmp_path: Path) -> None:
    a_post(tmp_path, "idea", date="", status="draft")
    a_post(tmp_path, "waiting")
    write(tmp_path, "index.md", "[a](/blog/idea), [b](/blog/waiting)\n")
    write(tmp_path, "blog/also-waiting.md", a_page("[a](idea)", more="status: scheduled\n"))

    found = rows(problems_of(tmp_path))

    message = "links to content/blog/idea.md, a draft without a release date"
    assert found == [("link-into-embargo", 1, message)]


# --- previews --------------------------------------------------------------------------------


def test_a_preview_must_look_like_the_state_of_its_post(tmp_path: Path) -> None:
    a_post(tmp_path, "out", date="2025-11-01", status="published")
    a_post(tmp_path, "waiting")
    page = "\n".join(
        (
            BLURRED.format("out"),
            BLURRED.format("waiting").replace("blurred", "revealed"),
            BLURRED.format("waiting").replace("blurred", ':blurred="isEarly"'),
            BLURRED.format("waiting"),
            BLURRED.format("out").replace("blurred", "revealed"),
        )
    )
    write(tmp_path, "index.md", page)

    found = rules(problems_of(tmp_path))

    assert found == [("blurred-but-released", 1), ("revealed-too-early", 7)]


# --- announcements ---------------------------------------------------------------------------


@pytest.mark.usefixtures("types")
def test_a_text_that_is_too_long_is_an_error_at_its_line(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern", announce=f"{{x: '{'long ' * 60}'}}")

    found = rows(problems_of(tmp_path, channels=(an_outbox(),)))

    assert found == [("text-too-long", 6, "the text for x counts 324, 280 are allowed")]


@pytest.mark.usefixtures("types")
def test_a_text_with_an_unknown_placeholder_fails(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern", announce="{x: 'Read {ulr}'}")

    (problem,) = (
        p for p in problems_of(tmp_path, channels=(an_outbox(),)) if p.rule != "embargo-off"
    )

    assert (problem.rule, problem.line) == ("text-fails", 6)
    assert problem.message == "the announcement names {ulr}, which does not exist"
    assert problem.hint.startswith("did you mean {url}?")


@pytest.mark.usefixtures("types")
@pytest.mark.parametrize(
    ("name", "data", "left_out"),
    [
        ("p.webp", b"RIFF\x10\0\0\0WEBPVP8 ", ["linkedin"]),
        ("p.jpg", b"\0\0\0\x20ftypavif", ["linkedin", "x"]),
        ("p.svg", b"<?xml version='1.0'?>\n<svg xmlns='x'/>", ["linkedin", "x"]),
        ("p.png", b"\xff\xd8\xff\xe0 a JPEG in fact", []),
        ("p.gif", b"GIF89a", []),
    ],
)
def test_an_image_that_a_service_refuses_is_a_warning(
    tmp_path: Path, name: str, data: bytes, left_out: list[str]
) -> None:
    a_post(tmp_path, "pattern", hero=f"{{image: /{name}}}")
    (tmp_path / "content" / "public").mkdir()
    (tmp_path / "content" / "public" / name).write_bytes(data)
    channels = (an_outbox("linkedin", options={"shape": "linkedin"}), an_outbox())

    found = [p for p in problems_of(tmp_path, channels=channels) if p.rule != "embargo-off"]

    assert [p.rule for p in found] == ["image-left-out"] * bool(left_out)
    assert [[name for name in left_out if name in p.message] for p in found] == (
        [left_out] if left_out else []
    )


@pytest.mark.usefixtures("types")
@pytest.mark.parametrize("announce", ["false", "{x: false}"])
def test_an_announcement_that_is_switched_off_is_not_judged(tmp_path: Path, announce: str) -> None:
    a_post(tmp_path, "pattern", title="long " * 100, announce=announce)

    assert rows(problems_of(tmp_path, channels=(an_outbox(),))) == []


@pytest.mark.usefixtures("types")
@pytest.mark.parametrize("template", ["{{ post.title", "{{ post.titel }}"])
def test_a_broken_template_is_one_problem_for_all_posts(tmp_path: Path, template: str) -> None:
    a_post(tmp_path, "pattern")
    a_post(tmp_path, "door")
    (tmp_path / "jobs.yaml").write_text("channels:\n  x:\n    type: outbox\n    template: …\n")

    found = problems_of(tmp_path, channels=(an_outbox(template=template),))

    broken = [(p.path, p.line) for p in found if p.rule == "template-broken"]
    assert broken == [("jobs.yaml", 4)]
    assert rules(found) == [("template-broken", 4)]


# --- surroundings ----------------------------------------------------------------------------


@pytest.mark.usefixtures("types")
def test_a_secret_that_is_not_there_is_reported(tmp_path: Path) -> None:
    write(tmp_path, "index.md", "# Home\n")
    channel = an_outbox(options={"shape": "x", "token": SecretRef("env", "X_TOKEN")})

    found = problems_of(tmp_path, channels=(channel,))

    message = "channels.x.token: the environment variable X_TOKEN is not set"
    assert [(p.rule, p.path, p.message) for p in found] == [
        ("secret-missing", "jobs.yaml", message)
    ]


def test_a_build_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "node_modules/.bin/vitepress", "#!/bin/sh\n")
    rebuild = RebuildSettings(command=("vitepress", "build"), output=tmp_path / "dist")

    (problem,) = problems_of(tmp_path, rebuild=rebuild, environ={"PATH": "/nowhere"})

    assert (problem.rule, problem.severity) == ("rebuild-missing", "error")
    assert problem.message == "rebuild.command: there is no program 'vitepress' here"
    assert problem.hint.endswith("write [npx, vitepress, build]")


def test_a_build_program_on_the_path_is_fine(tmp_path: Path) -> None:
    a_library(tmp_path)
    rebuild = RebuildSettings(command=("sh", "-c", "true"), output=tmp_path / "dist")

    assert problems_of(tmp_path, rebuild=rebuild, environ={"PATH": "/usr/bin:/bin"}) == ()


def a_build(project: Path, pages: Mapping[str, str]) -> RebuildSettings:
    for name, html in {"index.html": "<p>Home</p>", **pages}.items():
        write(project, f".vitepress/dist/{name}", html)
    return RebuildSettings(command=("/bin/sh",), output=project / "content/.vitepress/dist")


def test_unreleased_posts_without_a_build_get_one_warning(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern")
    a_post(tmp_path, "door")

    (problem,) = problems_of(tmp_path)

    assert (problem.rule, problem.severity, problem.path) == ("embargo-off", "warning", "jobs.yaml")
    assert problem.message.startswith("unreleased posts: 2, and embargo is off")


def test_a_build_that_withholds_the_text_settles_it(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern")
    rebuild = a_build(tmp_path, {"blog/pattern.html": "<h1>T</h1><p>Lorem ipsum.</p>"})

    assert problems_of(tmp_path, rebuild=rebuild) == ()


def test_a_build_that_shows_unreleased_text_is_named(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern")
    rebuild = a_build(tmp_path, {"blog/pattern.html": "<p>Text of <b>its</b> own.</p>"})

    (problem,) = problems_of(tmp_path, rebuild=rebuild)

    assert problem.message == "the built pages show unreleased text of content/blog/pattern.md"


def test_a_declared_teaser_on_the_page_is_no_leak(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern", teaser="Text of its own.")
    rebuild = a_build(tmp_path, {"blog/pattern.html": "<p>Text of its own.</p>"})

    assert problems_of(tmp_path, rebuild=rebuild) == ()


# --- the whole -------------------------------------------------------------------------------


def test_a_clean_site_gives_nothing(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern", date="2025-11-01", status="published")
    write(tmp_path, "index.md", "[Pattern](/blog/pattern)\n")

    assert problems_of(tmp_path) == ()


@pytest.mark.usefixtures("types")
def test_the_sample_site_is_clean_on_the_eve_of_its_series() -> None:
    settings = load(ROOT / "jobs.yaml", environ={})
    library = Library(settings.site, settings.project)

    found = check.run(settings, library, now=datetime(2027, 3, 1, tzinfo=UTC), environ={})

    of_this_machine = (
        "rebuild-missing",
        "embargo-off",
        "public-sources",
    )  # is Node installed, was it built?
    assert [str(p) for p in found if p.rule not in of_this_machine] == []


def test_pages_outside_of_the_posts_are_checked_for_their_encoding(tmp_path: Path) -> None:
    write(tmp_path, "about.md", "One\nAn emptiness â€” a dash\n")

    (problem,) = problems_of(tmp_path)

    assert (problem.rule, problem.path, problem.line) == ("mojibake", "content/about.md", 2)
    assert problem.hint == "write: An emptiness — a dash"


def test_paths_narrow_to_files_and_folders(tmp_path: Path) -> None:
    write(tmp_path, "index.md", "[a](#)\n")
    write(tmp_path, "notes/one.md", "[a](#)\n")
    write(tmp_path, "notes/two.md", "[a](#)\n")

    one = problems_of(tmp_path, paths=["content/notes/one.md"])
    all_notes = problems_of(tmp_path, paths=[str(tmp_path / "content" / "notes")])

    assert [p.path for p in one] == ["content/notes/one.md"]
    assert [p.path for p in all_notes] == ["content/notes/one.md", "content/notes/two.md"]


def test_a_path_that_is_not_there_is_not_a_clean_one(tmp_path: Path) -> None:
    a_library(tmp_path)

    with pytest.raises(PublisherError, match=r"content/tpyo\.md: no such file"):
        problems_of(tmp_path, paths=["content/tpyo.md"])


def test_the_order_is_path_then_line_then_rule(tmp_path: Path) -> None:
    write(tmp_path, "b.md", "[a](#) and â€” and [b](/no)\n\n[c](#)\n")
    write(tmp_path, "a.md", "\n\n[c](#)\n")

    found = problems_of(tmp_path)

    assert [(p.path, p.line, p.rule) for p in found] == [
        ("content/a.md", 3, "empty-link"),
        ("content/b.md", 1, "dead-link"),
        ("content/b.md", 1, "empty-link"),
        ("content/b.md", 1, "mojibake"),
        ("content/b.md", 3, "empty-link"),
    ]


# --- fixing ----------------------------------------------------------------------------------


def fixed(project: Path) -> tuple[str, ...]:
    library = a_library(project)
    settings = settings_of(library)
    problems = check.run(settings, library, now=NOW, environ={})
    return check.fix(settings, library, problems)


def test_fixing_changes_the_broken_characters_and_no_other_byte(tmp_path: Path) -> None:
    head = b"\xef\xbb\xbf---\r\ntitle: T \r\ndescription: D\r\n---\r\n"
    broken = "An emptiness â€” a dash  \r\n".encode()
    file = write(tmp_path, "about.md", head + broken + b"Plain\r\n\r\n")
    file.chmod(0o640)

    changed = fixed(tmp_path)

    assert changed == ("content/about.md",)
    assert file.read_bytes() == head + "An emptiness — a dash  \r\n".encode() + b"Plain\r\n\r\n"
    assert file.stat().st_mode & 0o777 == 0o640


def test_fixing_leaves_code_alone(tmp_path: Path) -> None:
    text = "Seen as `â€”` here.\n\n```\nâ€” a dash\n```\n"
    file = write(tmp_path, "about.md", text)

    changed = fixed(tmp_path)

    assert changed == ()
    assert file.read_text() == text


def test_fixing_never_renames_a_key(tmp_path: Path) -> None:
    text = "---\ntitle: T\ncafÃ© â€” bar: 1\n---\nText.\n"
    file = write(tmp_path, "about.md", text)

    changed = fixed(tmp_path)

    assert changed == ()
    assert file.read_text() == text


def test_fixing_leaves_a_lost_byte_to_a_person(tmp_path: Path) -> None:
    text = "ğŸ¦ Follow us\n"
    file = write(tmp_path, "about.md", text)

    changed = fixed(tmp_path)

    assert changed == ()
    assert file.read_text() == text


def test_fixing_keeps_a_short_weekday_short(tmp_path: Path) -> None:
    a_post(tmp_path, "pattern")
    stamp = '<RevealStamp date="Mon, Nov 4th" relative />'
    file = write(tmp_path, "index.md", BLURRED.format("pattern").replace("Soon.", stamp))

    changed = fixed(tmp_path)

    assert changed == ("content/index.md",)
    assert '<RevealStamp date="Tue, Nov 4th" relative />' in file.read_text()


def test_fixing_leaves_a_weekday_in_prose_to_a_person(tmp_path: Path) -> None:
    file = write(tmp_path, "index.md", a_page("Out on Monday, November 4th."))
    before = file.read_bytes()

    changed = fixed(tmp_path)

    assert changed == ()
    assert file.read_bytes() == before


def test_fixing_without_problems_reads_nothing(tmp_path: Path) -> None:
    library = a_library(tmp_path)

    assert check.fix(settings_of(library), library, ()) == ()


# --- posts that are not there ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        ("articles/*.md", "write the folder of your posts"),
        ("{blog,news}/*.md", "braces are not understood"),
    ],
)
def test_posts_that_mean_no_file_are_an_error(glob: str, hint: str, tmp_path: Path) -> None:
    a_post(tmp_path, "chisel")
    library = a_library(tmp_path, posts=(glob,))

    found = check.run(settings_of(library), library, now=NOW, environ={})

    (problem,) = [problem for problem in found if problem.rule == "posts-empty"]
    assert (problem.severity, problem.path) == ("error", "jobs.yaml")
    assert problem.message == f"site.posts: {glob} matches no file in {tmp_path}/content"
    assert hint in problem.hint


def test_posts_that_cannot_be_read_are_there(tmp_path: Path) -> None:
    library = a_library(tmp_path)
    write(tmp_path, "blog/broken.md", "no frontmatter")

    found = check.run(settings_of(library), library, now=NOW, environ={})

    assert "posts-empty" not in {problem.rule for problem in found}


# --- what Hugo makes of a date ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("2027-03-07T02:30", "2027-03-07T02:30:00+01:00"),
        ('"2027-07-07 02:30"', "2027-07-07T02:30:00+02:00"),
        ("2027-03-07T02:30Z", "2027-03-07T03:30:00+01:00"),
    ],
)
def test_a_time_that_hugo_refuses_is_a_warning(value: str, written: str, tmp_path: Path) -> None:
    a_post(tmp_path, "saw", date="", status="", publishDate=value, draft="true")

    found = [p for p in problems_of(tmp_path, generator="hugo") if p.rule == "hugo-date"]

    assert [(p.severity, p.line) for p in found] == [("warning", 4)]
    assert "has no seconds, and Hugo then refuses to build the site" in found[0].message
    assert found[0].hint == f"write publishDate: {written}"


@pytest.mark.parametrize("value", ["2027-03-07", "2027-03-07T02:30:00", "2027-03-07 02:30:00Z"])
def test_a_time_that_hugo_takes_is_fine(value: str, tmp_path: Path) -> None:
    a_post(tmp_path, "saw", date="", status="", publishDate=value, draft="true")

    assert "hugo-date" not in {p.rule for p in problems_of(tmp_path, generator="hugo")}


def test_other_generators_and_our_own_key_need_no_seconds(tmp_path: Path) -> None:
    a_post(tmp_path, "saw", date="2027-03-07T02:30")
    other = tmp_path / "other"
    a_post(other, "saw", date="", status="", reveal="2027-03-07T02:30", draft="true")

    found = (*problems_of(tmp_path), *problems_of(other, generator="hugo"))

    assert "hugo-date" not in {problem.rule for problem in found}


def test_of_what_is_public_no_description_is_asked_for(tmp_path: Path) -> None:
    bare = "---\ntitle: A\nstatus: {}\ndate: {}\n---\n\nText.\n"
    write(tmp_path, "blog/old.md", bare.format("published", "2020-03-09"))
    write(tmp_path, "blog/next.md", bare.format("scheduled", "2099-03-09"))

    found = problems_of(tmp_path)

    assert [p.path for p in found if p.rule == "no-description"] == ["content/blog/next.md"]
