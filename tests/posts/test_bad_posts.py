"""Input as it really comes: broken, hostile, huge. Each is reported, and the other posts go on."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import pytest

from publisher.model import Problem
from publisher.model.errors import PostError
from publisher.posts.library import Library, Scan
from publisher.posts.scan import names_of
from publisher.system.files import FILE_MAX_BYTES
from tests.factories import NOW, a_view
from tests.posts.sites import a_library, a_text, rules, write

SEEDS = Path(__file__).parents[1] / "data" / "seeds"
PATH = "content/blog/bad.md"


def scan(project: Path, bad: str | bytes | None = None, **changes: Any) -> Scan:
    """Scan a site with a good post and a bad one."""
    write(project, "blog/good.md", a_text())
    if bad is not None:
        write(project, "blog/bad.md", bad)
    return a_library(project, **changes).scan()


def the_problem(scan: Scan) -> Problem:
    """Give the only problem; it is an error, and only the good post is there."""
    assert [post.id for post in scan.posts] == ["good"]
    (problem,) = scan.problems
    assert (problem.path, problem.severity) == (PATH, "error")
    return problem


# --- files that cannot be read ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("---\ntitle: A\ndate: [1, 2\n---\nText.\n", 4, "did not find expected"),
        ("---\ntitle: A\n  date: 2027-03-09\n---\nText.\n", 3, "mapping values are not allowed"),
        ("---\r\ntitle: A\r\n\r\nkey: 'x\r\n---\r\n", 5, "unexpected end of stream"),
        ("---\ntitle: A\ntitle: B\n---\nText.\n", 3, "'title' is given twice"),
        ("---\ntitle: A\nstatus: scheduled\n", 1, "the frontmatter is never closed"),
        ("---\n- title\n- date\n---\nText.\n", 2, "not a mapping of keys to values"),
        ("---\njust text\n---\nText.\n", 2, "not a mapping of keys to values"),
        ("---\ntitle: !!python/object:os.system A\n---\n", 2, "tags (!name) are not accepted"),
        ("+++\ntitle = 'A'\ndate = \n+++\n", 3, "Invalid value"),
        ("+++\ntitle = 'A'\ntitle = 'B'\n+++\n", 3, "Cannot overwrite a value"),
        ("+++\ntitle = 'A'\n", 1, "the frontmatter is never closed"),
        ('{\n"title": "A",\n}\nText.\n', 3, "not JSON"),
        ('{\n"title": "A", "title": "B"\n}\nText.\n', 1, "'title' is given twice"),
        ('{\n"n": NaN\n}\nText.\n', 1, "NaN is not a number"),
        ('{\n"title": "A"\n', 3, "not JSON"),
        ('{"title": "\\ud800"}\n', 1, "half a character"),
        ('---\ntitle: "\\0"\n---\n', 1, "contains a NUL"),
    ],
)
def test_broken_frontmatter_is_named_by_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    problem = the_problem(scan(tmp_path, text))

    assert (problem.rule, problem.line) == ("bad-frontmatter", line)
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\na: &a x\n---\n", "anchors (&name) and aliases (*name) are not accepted"),
        ("---\na: *b\n---\n", "anchors (&name) and aliases (*name) are not accepted"),
        ("---\n<<: {a: 1}\n---\n", "merge keys (<<) are not accepted"),
        ("---\na: " + "[" * 25 + "]" * 25 + "\n---\n", "nested more than 20 levels deep"),
        ("---\na: " + "[" * 30_000 + "\n---\n", "nest"),
        ("---\na: " + "{a: " * 15_000 + "\n---\n", "nest"),
        ("+++\na = " + "[" * 25 + "]" * 25 + "\n+++\n", "nested more than 20 levels deep"),
        ("+++\na = " + "[" * 30_000 + "\n+++\n", "nested more than 20 levels deep"),
        ('{"a": ' + "[" * 25 + "]" * 25 + "}\n", "nested more than 20 levels deep"),
        ('{"a": ' + "[" * 30_000 + "\n", "nested more than 20 levels deep"),
        ("---\na: " + "x" * 66_000 + "\n---\n", "the frontmatter is longer than 64 KiB"),
        ('{"a": "' + "x" * 66_000 + '"}\n', "the frontmatter is longer than 64 KiB"),
        ("+++\na = " + "9" * 5000 + "\n+++\n", "not TOML"),
    ],
)
def test_frontmatter_has_bounds(tmp_path: Path, text: str, message: str) -> None:
    problem = the_problem(scan(tmp_path, text))

    assert problem.rule == "bad-frontmatter"
    assert message in problem.message


def test_bombs_cost_no_memory_to_speak_of(tmp_path: Path) -> None:
    levels = "\n".join(
        f"a{n}: &a{n} [{', '.join(f'*a{n - 1}' for _ in range(9))}]" for n in range(1, 9)
    )
    merges = "\n".join(
        f"m{n}: &m{n}\n  <<: [{', '.join(f'*m{k}' for k in range(n))}]" for n in range(1, 60)
    )
    write(tmp_path, "blog/alias.md", f"---\na0: &a0 lol\n{levels}\n---\n")
    write(tmp_path, "blog/merge.md", f"---\nm0: &m0 {{a: 1}}\n{merges}\n---\n")
    before = resource.getrusage(resource.RUSAGE_SELF)

    problems = scan(tmp_path).problems

    after = resource.getrusage(resource.RUSAGE_SELF)
    assert rules(problems) == [
        ("bad-frontmatter", "content/blog/alias.md", 2),
        ("bad-frontmatter", "content/blog/merge.md", 2),
    ]
    assert after.ru_utime - before.ru_utime < 2
    assert after.ru_maxrss - before.ru_maxrss < 50_000  # KiB


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"---\ntitle: K\xf6ln\n---\n", 2, "byte 12 (0xf6) is not UTF-8"),
        (b"\xef\xbb\xbf---\ntitle: \xff\n---\n", 2, "byte 14 (0xff) is not UTF-8"),
        (a_text().encode() + b"\xc3", 9, "byte 92 (0xc3) is not UTF-8"),
        ("---\ntitle: A\n---\n".encode("utf-16"), 1, "byte 0 (0xff) is not UTF-8"),
        (b"---\ntitle: A\n---\nText\0.\n", 4, "contains a NUL byte"),
    ],
)
def test_bytes_that_are_no_text_are_named_by_their_place(
    tmp_path: Path, data: bytes, line: int, message: str
) -> None:
    problem = the_problem(scan(tmp_path, data))

    assert (problem.rule, problem.line, problem.message) == ("not-utf8", line, message)


def test_a_huge_post_is_not_read(tmp_path: Path) -> None:
    file = write(tmp_path, "blog/bad.md", a_text())
    os.truncate(file, 50 * 1024**2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    problem = the_problem(scan(tmp_path))

    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (problem.rule, problem.message) == ("unreadable", "is larger than 10 MiB")
    assert after - before < 30_000  # KiB


def test_a_post_as_large_as_allowed_is_read(tmp_path: Path) -> None:
    head = a_text()
    size = FILE_MAX_BYTES - len(head)

    posts = scan(tmp_path, head + "x" * size).posts

    assert [post.id for post in posts] == ["bad", "good"]


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, "blog/good.md", a_text())
    os.mkfifo(tmp_path / PATH)

    problem = the_problem(scan(tmp_path))

    assert (problem.rule, problem.message) == ("unreadable", "is not a regular file")


@pytest.mark.parametrize("name", ["bad\nname.md", "bad\x1b[2Jname.md", os.fsdecode(b"bad\xff.md")])
def test_a_name_that_cannot_be_shown_is_escaped(tmp_path: Path, name: str) -> None:
    write(tmp_path, f"blog/{name}", a_text())

    (problem,) = scan(tmp_path).problems

    assert problem.rule == "bad-name"
    assert problem.path.isprintable()
    str(problem).encode()


def test_a_text_without_frontmatter_is_reported(tmp_path: Path) -> None:
    problem = the_problem(scan(tmp_path, (SEEDS / "collective.md").read_bytes()))

    assert (problem.rule, problem.line) == ("no-frontmatter", 1)
    assert "it is not guessed at" in problem.hint


@pytest.mark.parametrize(
    "text", ["", "\n---\ntitle: A\n---\n", "----\na: b\n----\n", "{{< x >}}\n"]
)
def test_what_generators_take_for_text_is_no_frontmatter(tmp_path: Path, text: str) -> None:
    assert the_problem(scan(tmp_path, text)).rule == "no-frontmatter"


# --- links and folders -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("../../secret.md", "is a link that leads out of the site"),
        ("/etc/passwd", "is a link that leads out of the site"),
        ("bad.md", "is a link that leads nowhere"),
        ("nothing.md", "is a link that leads nowhere"),
    ],
)
def test_a_post_that_is_a_link_is_not_followed(tmp_path: Path, target: str, message: str) -> None:
    (tmp_path / "secret.md").write_text(a_text("title: Secret"))
    library = a_library(tmp_path)
    (tmp_path / PATH).symlink_to(target)
    write(tmp_path, "blog/good.md", a_text())

    problem = the_problem(library.scan())

    assert (problem.rule, problem.message) == ("symlink", message)


def test_a_link_inside_the_site_is_a_warning(tmp_path: Path) -> None:
    write(tmp_path, "blog/good.md", a_text())
    (tmp_path / PATH).symlink_to("good.md")

    found = scan(tmp_path)

    assert [post.id for post in found.posts] == ["good"]
    assert [(p.rule, p.severity, p.path) for p in found.problems] == [("symlink", "warning", PATH)]


def test_folders_that_are_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "blog/good.md", a_text())
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "post.md").write_text(a_text("title: Secret"))
    (tmp_path / "content/blog/loop").symlink_to("../blog")
    (tmp_path / "content/blog/out").symlink_to(tmp_path / "outside")
    (tmp_path / "content/images").symlink_to(tmp_path / "outside")

    found = scan(tmp_path)

    assert [post.id for post in found.posts] == ["good"]
    assert [(p.path, p.severity) for p in found.problems] == [
        ("content/blog/loop", "warning"),
        ("content/blog/out", "error"),
    ]


def test_an_image_outside_of_the_site_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"png")
    (tmp_path / "content/public").mkdir(parents=True)
    (tmp_path / "content/public/link.png").symlink_to(tmp_path / "secret.png")

    up = scan(tmp_path, a_text("hero: /../../secret.png"))
    link = scan(tmp_path, a_text("hero: /link.png"))

    assert [p.rule for p in (*up.problems, *link.problems)] == ["missing-image", "missing-image"]
    assert [post.hero and post.hero.path for post in (up.posts[0], link.posts[0])] == [None, None]


@pytest.mark.parametrize("generator", ["vitepress", "astro"])
def test_a_site_that_is_not_there_stops_the_scan(tmp_path: Path, generator: str) -> None:
    library = a_library(tmp_path, generator=generator)
    (tmp_path / "content" / "blog").rmdir()
    (tmp_path / "content").rmdir()

    with pytest.raises(PostError) as error:
        library.scan()

    assert error.value.why == "without it, its posts would seem deleted"


# --- posts that say something wrong ----------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "rule", "message"),
    [
        ("date: 2027-02-30", "bad-date", "2027-02-30 is not a date that exists"),
        (
            "date: 2026-03-29T02:30",
            "bad-date",
            "release time 2026-03-29 02:30 does not exist in Europe/Oslo",
        ),
        (
            "date: 2026-10-25T02:30",
            "bad-date",
            "release time 2026-10-25 02:30 exists twice in Europe/Oslo",
        ),
        ("date: 12:30:45", "bad-date", "'12:30:45' is not a date"),
        ("date: 45045", "bad-date", "45045 is not a date"),
        ("reveal: soon", "bad-date", "'soon' is not a date"),
        (
            "status: Published",
            "bad-state",
            'invalid status "Published"',
        ),
        ("status: no", "bad-state", 'invalid status "no"'),
        (
            "status: false",
            "bad-state",
            'invalid status "false"',
        ),
        ("status:", "bad-state", 'invalid status "(empty)"'),
        ("title: 1.10", "bad-title", "title is not text"),
        ("description: [a]", "bad-description", "description is not text"),
        ("teaser: {a: b}", "bad-teaser", "teaser is not text"),
        ("id: ../../etc/passwd", "bad-id", "the id '../../etc/passwd' cannot be used"),
        ("id: [a]", "bad-id", "id is not text"),
        ('id: " "', "bad-id", "the id ' ' cannot be used"),
        ("announce: soon", "bad-announce", "announce is not a list of channels"),
        ("announce: {x: [a]}", "bad-announce", "what to announce on x is neither a text nor false"),
        ("announce: {x: {text: ''}}", "bad-announce", "text is not text"),
        ("announce: {x: {after: soon}}", "bad-announce", "after is not a duration"),
        ("announce: {x: {after: -2h}}", "bad-announce", "after is not a duration"),
        ("announce: {x: {at: 2027-02-30}}", "bad-announce", "2027-02-30 is not a date that exists"),
        ("announce: {x: {enabled: maybe}}", "bad-announce", "enabled is neither true nor false"),
        ("announce: {x: {txt: a}}", "bad-announce", "unknown key 'txt'"),
        (
            "announce: {linked_in: false}",
            "unknown-channel",
            "there is no channel 'linked_in' in jobs.yaml",
        ),
    ],
)
def test_a_wrong_value_is_an_error_at_its_line(
    tmp_path: Path, line: str, rule: str, message: str
) -> None:
    text = a_text(line)

    problem = the_problem(scan(tmp_path, text))

    assert (problem.rule, problem.message) == (rule, message)
    assert problem.line == text.split("\n").index(line) + 1


def test_a_wrong_time_is_an_error_at_its_date(tmp_path: Path) -> None:
    problem = the_problem(scan(tmp_path, a_text("time: noon")))

    assert (problem.rule, problem.line) == ("bad-date", 4)
    assert problem.message == "time 'noon' is not a time of the day"


@pytest.mark.parametrize("value", ["1", "0", "'true'", "yes", "[]"])
def test_a_draft_flag_is_true_or_false_and_nothing_like_it(tmp_path: Path, value: str) -> None:
    write(tmp_path, "blog/bad.md", a_text(state=f"draft: {value}"))

    (problem,) = a_library(tmp_path, generator="eleventy").scan().problems

    assert (problem.rule, problem.line) == ("bad-state", 5)
    assert problem.hint == "use true or false"


@pytest.mark.parametrize("language", ["js", " javascript\r", "toml"])
def test_frontmatter_in_another_language_is_named(language: str, tmp_path: Path) -> None:
    problem = the_problem(scan(tmp_path, f"---{language}\n{{title: 'A'}}\n---\nText.\n"))

    assert problem.rule == "no-frontmatter"
    assert problem.message == f"frontmatter that begins with ---{language.strip()} is not read"
    assert "leave the file out of site.posts" in problem.hint


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("status: Published", "use draft, scheduled or published"),
        ("announce: {linked_in: false}", "did you mean linkedin?"),
        ("announce: {x: {txt: a}}", "did you mean text?"),
        ("announce: {zzz: false}", "possible here: linkedin, newsletter, x"),
    ],
)
def test_an_error_says_what_to_do(tmp_path: Path, line: str, hint: str) -> None:
    assert the_problem(scan(tmp_path, a_text(line))).hint == hint


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("title:", "no-title"),
        ("description: ''", "no-description"),
        ("date:", "no-date"),
        ("tags: {a: b}", "bad-tags"),
        ("tags: [[a]]", "bad-tags"),
        ("series: Chronicles", "bad-series"),
        ("series: {name: Chronicles}", "bad-series"),
        ("series: {name: Chronicles, part: two}", "bad-series"),
        ("hero: {image: [a]}", "bad-hero"),
        ("hero: {alt: nothing to show}", "bad-hero"),
        ("hero: ./near.jpg", "missing-image"),
        ("hero: //cdn.example/p.jpg", "missing-image"),
        ("hero: /nothing.jpg", "missing-image"),
    ],
)
def test_what_only_decorates_is_a_warning(tmp_path: Path, line: str, rule: str) -> None:
    found = scan(tmp_path, a_text(line))

    assert [post.id for post in found.posts] == ["bad", "good"]
    assert [(p.rule, p.severity) for p in found.problems] == [(rule, "warning")]


@pytest.mark.parametrize(
    ("state", "rules"),
    [("published", []), ("scheduled", ["no-description"]), ("draft", ["no-description"])],
)
def test_only_a_post_to_come_needs_a_description(
    state: str, rules: list[str], tmp_path: Path
) -> None:
    found = scan(tmp_path, a_text("description: ''", state=f"status: {state}"))

    assert [problem.rule for problem in found.problems] == rules


def test_series_that_is_a_taxonomy_is_none_of_ours(tmp_path: Path) -> None:
    found = scan(tmp_path, a_text("series: [Chronicles]"))

    assert [(post.id, post.series) for post in found.posts] == [("bad", None), ("good", None)]
    assert found.problems == ()


def test_all_that_is_wrong_with_a_file_is_said_at_once(tmp_path: Path) -> None:
    text = a_text("date: 2027-02-30", "slug: a/b", "announce: {y: a, x: {after: b, textt: c}}")

    found = scan(tmp_path, text)

    assert [(p.rule, p.line) for p in found.problems] == [
        ("bad-date", 5),
        ("bad-slug", 6),
        ("bad-announce", 7),
        ("bad-announce", 7),
        ("unknown-channel", 7),
    ]


def test_lines_of_nested_keys_are_found(tmp_path: Path) -> None:
    text = a_text("announce:\n  x:\n    text: ok\n    after: b\n  y: a")

    found = scan(tmp_path, text)

    assert [(p.rule, p.line) for p in found.problems] == [
        ("bad-announce", 9),
        ("unknown-channel", 10),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '+++\ntitle = "A"\ndescription = "B"\nstatus = "scheduled"\n\ndate = "soon"\n+++\n',
        '{\n"title": "A",\n"description": "B",\n"status": "scheduled",\n\n"date": "soon"\n}\n',
    ],
)
def test_lines_are_found_in_toml_and_json(tmp_path: Path, text: str) -> None:
    assert the_problem(scan(tmp_path, text)).line == 6


def test_an_old_post_may_name_a_channel_that_is_gone(tmp_path: Path) -> None:
    found = scan(tmp_path, a_text("announce: {fediverse: false}", state="status: published"))

    assert [post.id for post in found.posts] == ["bad", "good"]
    assert [(p.rule, p.severity) for p in found.problems] == [("unknown-channel", "warning")]


def test_a_post_may_name_any_channel_where_none_is_configured(tmp_path: Path) -> None:
    write(tmp_path, "blog/next.md", a_text("announce: {x: {after: 2h}, outbox: Soon}"))

    found = a_library(tmp_path, channels=()).scan()

    assert [(p.rule, p.severity) for p in found.problems] == [("unknown-channel", "warning")]
    (post,) = found.posts
    assert {str(name): rule.text for name, rule in post.announce.items()} == {"outbox": "Soon"}


def test_draft_without_a_date_is_read_though_addresses_hold_the_date(tmp_path: Path) -> None:
    write(tmp_path, "blog/bad.md", "---\ntitle: A\ndescription: B\nstatus: draft\n---\n")

    scan = a_library(tmp_path, post_url="/{year}/{slug}").scan()

    assert scan.problems == ()
    assert scan.posts[0].url == "https://example.org/blog/bad/"


@pytest.mark.parametrize("slug", ["../up", "..", "a/b", '" "'])
def test_slug_that_is_no_part_of_an_address_is_a_warning(tmp_path: Path, slug: str) -> None:
    write(tmp_path, "blog/good.md", a_text(f"slug: {slug}"))

    found = a_library(tmp_path).scan()

    assert [(p.rule, p.severity) for p in found.problems] == [("bad-slug", "warning")]
    assert found.posts[0].url == "https://example.org/blog/good"


def test_posts_that_claim_one_id_are_both_left_out(tmp_path: Path) -> None:
    write(tmp_path, "blog/one.md", a_text("id: same"))
    write(tmp_path, "blog/two.md", a_text("id: same"))

    found = scan(tmp_path)

    assert [post.id for post in found.posts] == ["good"]
    assert [(p.rule, p.severity, p.path, p.message) for p in found.problems] == [
        (
            "duplicate-id",
            "error",
            "content/blog/one.md",
            "has the same id as content/blog/two.md: same",
        ),
        (
            "duplicate-id",
            "error",
            "content/blog/two.md",
            "has the same id as content/blog/one.md: same",
        ),
    ]


def test_posts_that_seem_to_get_one_address_are_both_used_and_no_link_means_them(
    tmp_path: Path,
) -> None:
    write(tmp_path, "blog/one.md", a_text("slug: same"))
    write(tmp_path, "blog/sub/same.md", a_text())

    found = scan(tmp_path)

    assert [post.id for post in found.posts] == ["good", "one", "same"]
    assert (
        "/blog/same" not in names_of(found, "https://chronicles.example", prefix="content/").paths
    )


# --- double-encoded text ---------------------------------------------------------------------


def test_text_that_was_encoded_twice_is_shown_as_it_should_be(tmp_path: Path) -> None:
    text = a_text("title: A dash â€” here", body="Once â€” only.\n\nNaïve café, “quoted” — fine.")

    found = scan(tmp_path, text)

    assert [post.id for post in found.posts] == ["bad", "good"]
    assert [(p.rule, p.severity, p.line, p.hint) for p in found.problems] == [
        ("mojibake", "warning", 5, "write: title: A dash — here"),
        ("mojibake", "warning", 8, "write: Once — only."),
    ]


@pytest.mark.parametrize(
    ("seed", "line", "hint"),
    [
        ("chronicles", 44, "write: **[📖 Read Part 1 →](/blog/claude-code-stalactite)**"),
        ("chronicles-embargoed", 21, "write: **[📖 Read Part 1 →](/blog/claude-code-stalactite)**"),
    ],
)
def test_the_seeds_are_encoded_twice(tmp_path: Path, seed: str, line: int, hint: str) -> None:
    library: Library = a_library(tmp_path)
    write(tmp_path, "blog/seed.md", (SEEDS / f"{seed}.md").read_bytes())

    found = library.scan()

    assert [post.title for post in found.posts] == ["The Claude Code Chronicles - Chapter 1"]
    hints = {p.line: p.hint for p in found.problems if p.rule == "mojibake"}
    assert hints[line] == hint


# --- names that are no UTF-8 -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "severity"), [("status: scheduled", "error"), ("status: published", "warning")]
)
def test_post_whose_name_is_no_utf8_is_named_and_the_others_go_on(
    tmp_path: Path, line: str, severity: str
) -> None:
    write(tmp_path, "blog/good.md", a_text())
    odd = os.fsdecode(b"caf\xe9.md")
    write(tmp_path, f"blog/{odd}", a_text(state=line, body="Other words."))

    found = a_library(tmp_path).scan(a_view(), NOW)

    assert [post.id for post in found.posts] == ["good"]
    (problem,) = found.problems
    assert (problem.rule, problem.severity) == ("bad-name", severity)
    assert problem.path == r"content/blog/caf\udce9.md"
    assert found.withheld == ({f"content/blog/{odd}"} if severity == "error" else frozenset())


def test_page_whose_name_is_no_utf8_is_nobodys_business(tmp_path: Path) -> None:
    write(tmp_path, "blog/good.md", a_text())
    write(tmp_path, os.fsdecode(b"caf\xe9.md"), "# About\n")

    assert a_library(tmp_path).scan(a_view(), NOW).problems == ()
