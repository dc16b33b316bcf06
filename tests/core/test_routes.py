"""The strictest rule for any reading of a path wins; no spelling is worth more than another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import routes
from gateway.core.paths import RELAXABLE, ambiguities, fold, readings
from gateway.core.routes import Access, Match, RouteTable, Rule

STATIC = Rule("/static/*", Access.PUBLIC)
ADMIN = Rule("/admin/*", Access.REQUIRED)
HOOKS = Rule("/hooks/*", Access.PASSTHROUGH)
LOGIN = Rule("/admin/login", Access.PUBLIC)
CAFE = Rule("/café menu/*", Access.PUBLIC)
FILES = Rule("/files/*", Access.OPTIONAL, relaxed=frozenset({"encoded_slash", "semicolon"}))
CLOSED = Rule("/closed", Access.REQUIRED, in_off="deny")
ALL = Rule("/*", Access.OPTIONAL)
RULES = (STATIC, ADMIN, HOOKS, LOGIN, CAFE, FILES, CLOSED, ALL)
TABLE = RouteTable(RULES)


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        (b"/", ALL),
        (b"/about", ALL),
        (b"/static/site.css", STATIC),
        (b"/static/", STATIC),
        (b"/static/a/b/C.CSS", STATIC),
        (b"/admin/users", ADMIN),
        (b"/admin/login", LOGIN),
        (b"/admin/login2", ADMIN),
        (b"/hooks/in", HOOKS),
        (b"/closed", CLOSED),
        (b"/closed2", ALL),
        (b"/administrator", ALL),
        (b"/administrator/", ALL),
        (b"/caf%C3%A9%20menu/1", CAFE),
        (b"/caf%c3%a9%20menu/1", CAFE),
        (b"*", ALL),
    ],
)
def test_an_exact_pattern_wins_else_the_longest_prefix(target: bytes, rule: Rule) -> None:
    assert TABLE.match(target) == Match(rule, "")


@pytest.mark.parametrize(
    "target",
    [
        b"/ADMIN/users",
        b"/Admin",
        b"/admin",
        b"/admin/",
        b"/%61dmin/users",
        b"/%41DMIN/users",
        "/\uff41dmin/x".encode(),
        b"/%ef%bd%81dmin/x",
        b"/adm\xc4\xb1n/../admin/x",
    ],
)
def test_g8_another_spelling_of_a_required_path_is_required(target: bytes) -> None:
    assert TABLE.match(target).rule == ADMIN


@pytest.mark.parametrize(
    "target",
    [
        b"/static/../admin/users",
        b"/static/%2e%2e/admin/users",
        b"/static%2f..%2fadmin/users",
        b"/static/..%5cadmin/users",
        b"/static\\..\\admin\\users",
        b"/static/%252e%252e/admin/users",
        b"/static;/../admin/users",
        b"/static/..;/admin/users",
        b"//admin/users",
        b"/static//../admin/users",
        b"/admin;x=1/users",
        b"/%2561dmin/users",
    ],
)
def test_g_a_way_out_of_a_public_path_is_required_and_ambiguous(target: bytes) -> None:
    match = TABLE.match(target)
    assert match.rule == ADMIN
    assert match.ambiguity


@pytest.mark.parametrize("target", [b"/STATIC/x", b"/%53tatic/x", b"/Hooks/in", b"/admin/LOGIN", b"/admin/login/"])
def test_a_spelling_that_only_some_servers_know_makes_nothing_more_open(target: bytes) -> None:
    assert TABLE.match(target).rule.auth in {Access.OPTIONAL, Access.REQUIRED}


def test_g9_the_query_is_no_part_of_it() -> None:
    assert TABLE.match(b"/api/private?path=/static/") == Match(ALL, "")
    assert TABLE.match(b"/static/x?../../admin//;%00") == Match(STATIC, "")
    assert TABLE.match(b"/static/x?a?b").rule == STATIC


def test_ambiguities_are_relaxed_by_the_rule_that_wins() -> None:
    assert TABLE.match(b"/files/a%2fb;v=1") == Match(FILES, "")
    assert TABLE.match(b"/files/a//b") == Match(FILES, "double_slash")
    assert TABLE.match(b"/files/..%2fadmin/x") == Match(ADMIN, "dot_segment")
    assert TABLE.match(b"/files/..%2fother") == Match(FILES, "dot_segment")
    assert TABLE.match(b"/other/a%2fb") == Match(ALL, "encoded_slash")


def test_of_rules_that_ask_the_same_the_one_that_gives_less_wins() -> None:
    deny = Rule("/A/*", Access.REQUIRED, in_off="deny")
    app = Rule("/a/*", Access.REQUIRED, in_off="app")
    assert RouteTable([app, deny]).match(b"/a/x").rule == deny
    kept = Rule("/B/*", Access.PUBLIC)
    forwarding = Rule("/b/*", Access.PUBLIC, forward_credentials=True)
    assert RouteTable([forwarding, kept]).match(b"/b/x").rule == kept


def test_equally_strict_rules_go_by_the_path_as_sent() -> None:
    first, second = Rule("/A/*", upstream="one"), Rule("/a/*", upstream="two")
    table = RouteTable([first, second])
    assert table.match(b"/A/x").rule == first
    assert table.match(b"/a/x").rule == second


def test_an_exact_pattern_with_a_slash_at_its_end_is_met_without_it() -> None:
    table = RouteTable([Rule("/private/", Access.REQUIRED), Rule("/*", Access.PUBLIC)])
    assert table.match(b"/private").rule.auth is Access.REQUIRED
    assert table.match(b"/private/").rule.auth is Access.REQUIRED
    assert table.match(b"/private/x").rule.auth is Access.PUBLIC


def test_a_rule_for_one_path_beats_the_prefix_of_the_same_words() -> None:
    for prefix in ("/docs/*", "/docs*"):
        table = RouteTable([Rule(prefix, Access.REQUIRED), Rule("/docs", Access.PUBLIC), Rule("/*", Access.PUBLIC)])
        assert table.match(b"/docs").rule.auth is Access.PUBLIC
        assert table.match(b"/docs/x").rule.auth is Access.REQUIRED


@pytest.mark.parametrize("auth", [Access.PUBLIC, Access.REQUIRED])
def test_the_longer_prefix_wins_wherever_it_stands(auth: Access) -> None:
    rules = [Rule("/docs*"), Rule("/docs/*", auth), Rule("/doc*"), Rule("/docs/open/*", Access.PASSTHROUGH)]
    for table in (RouteTable(rules), RouteTable(rules[::-1])):
        assert table.match(b"/docs/x").rule.auth is auth
        assert table.match(b"/docs/open/x").rule.auth is Access.PASSTHROUGH
        assert table.match(b"/docs2").rule == rules[0]


def test_rules_that_differ_in_case_alone_are_one_to_a_server_that_folds() -> None:
    rules = [Rule("/Docs", Access.PUBLIC), Rule("/docs", Access.REQUIRED), Rule("/*", Access.PUBLIC)]
    for table in (RouteTable(rules), RouteTable(rules[::-1])):
        assert table.match(b"/DOCS").rule.auth is Access.REQUIRED


def test_a_prefix_need_not_end_in_a_slash() -> None:
    table = RouteTable([Rule("/api*", Access.REQUIRED), Rule("/*", Access.PUBLIC)])
    assert {table.match(path).rule.auth for path in (b"/api", b"/api2/x", b"/API/x")} == {Access.REQUIRED}


def test_without_a_matching_rule_a_request_is_optional() -> None:
    assert RouteTable([]).match(b"/x").rule == Rule("/*")
    assert RouteTable([STATIC]).match(b"/x").rule.auth is Access.OPTIONAL


@pytest.mark.parametrize(
    "rules",
    [
        [Rule("static/*")],
        [Rule("")],
        [Rule("*")],
        [Rule("/a*b")],
        [Rule("/a**")],
        [Rule("/a?x=1")],
        [Rule("/a#b")],
        [Rule("/a"), Rule("/a", Access.PUBLIC)],
        [Rule("/a", relaxed=frozenset({"dot_segment"}))],
        [Rule("/a", relaxed=frozenset({"everything"}))],
    ],
)
def test_an_unsound_table_is_refused(rules: list[Rule]) -> None:
    with pytest.raises(ValueError, match=r"route|path|relax"):
        RouteTable(rules)


# --- the fast way equals the slow way ---

PATHS = st.one_of(
    st.text("aA/.%2f5cC;\\e1~_-", max_size=16),
    st.lists(
        st.sampled_from(
            ["admin", "ADMIN", "static", "login", "files", "closed", "..", ".", "%2e", "%2f", "%252f", ";x", "//", "\\"]
        ),
        max_size=6,
    ).map("/".join),
).map(lambda text: b"/" + text.encode())


def slowly(path: bytes) -> Match:
    """The rule by trying each pattern on each reading, one after the other, as the docstring of `routes` tells it."""
    candidates = [rule for reading in readings(path) for rule in (best(reading), best_folded(reading))]
    rule = max(candidates, key=routes._strictness)
    return Match(rule, next((word for word in ambiguities(path) if word not in rule.relaxed), ""))


def best(path: bytes) -> Rule:
    text = path.decode("utf-8", "surrogateescape")
    matching = [
        rule
        for rule in (*RULES, Rule("/*"))
        if (text.startswith(rule.path[:-1]) if rule.path.endswith("*") else text == rule.path)
    ]
    return max(matching, key=lambda rule: (len(rule.path.rstrip("*")), not rule.path.endswith("*")))


def best_folded(path: bytes) -> Rule:
    text = fold(path).decode("utf-8", "surrogateescape")
    matching = [
        rule
        for rule in (*RULES, Rule("/*"))
        if (
            (text + "/").startswith(rule.path[:-1])
            if rule.path.endswith("*")
            else text == (rule.path.rstrip("/") or "/")
        )
    ]
    return max(matching, key=lambda rule: (len(rule.path.rstrip("*").rstrip("/")), not rule.path.endswith("*")))


@settings(max_examples=200, deadline=None)
@given(PATHS)
def test_the_remembered_and_the_fast_way_equal_the_slow_one(path: bytes) -> None:
    """CVE-2026-27587, CVE-2026-27588: a short cut that forgot to fold."""
    assert TABLE.look_up(path) == slowly(path)
    assert TABLE.match(path) == TABLE.match(path + b"?x") == TABLE.look_up(path)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_CACHED", 10)
    table = RouteTable(RULES)
    for number in range(100):
        table.match(b"/x%d" % number)
    table.match(b"/" + b"y" * 5000)
    assert len(table._known) <= 10
    assert all(len(path) <= 256 for path in table._known)


def test_everything_that_may_be_relaxed_can_be() -> None:
    table = RouteTable([Rule("/*", relaxed=frozenset(RELAXABLE))])
    assert table.match(b"/a;b//c%2fd%252fe%23f").ambiguity == ""
