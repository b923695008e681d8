"""The page in a real browser: it is quiet, asks for nothing, and works by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from evaluation.report.page import write_page
from tests.evaluation.pages import LOW_CONTRASTS, open_page, start_browser
from tests.evaluation.runs import PROMPTS, write_run
from tests.evaluation.views import VIEW

TABS = ["Differences", "Length", "Crosstalk", "Replies", "Judges", "Arms", "How it was made"]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(VIEW, path)
    return path


def reach(page: Page, selector: str) -> None:
    """Presses Tab until an element has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by keyboard")


def test_nothing_complains_and_nothing_is_fetched(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, heard):
        for tab in TABS:
            page.get_by_role("tab", name=tab, exact=True).click()
        for summary in page.locator("summary:visible").all():
            summary.click()
        page.wait_for_timeout(100)
        assert heard.complaints == []
        assert [url for url in heard.requests if not url.startswith("data:")] == [report.as_uri()]
        assert page.title() == VIEW.title


def test_text_of_replies_stays_text(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, _):
        assert page.locator("script").count() == 1
        assert page.locator("img").count() == 0
        assert page.locator("article.change").count() == len(VIEW.changes)
        shown = page.locator(".reply .said").nth(3).text_content()
        assert shown is not None
        assert shown.startswith('<script>document.title = "ran"</script><img src=')
        assert shown.endswith("</p></article>\ufffd\ufffd {{ 7 * 7 }} 'quoted\" & done")


def test_what_is_injected_later_cannot_run_either(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, heard):
        page.evaluate(
            """() => { const script = document.createElement("script");
            script.textContent = "document.title = 'ran'"; document.body.append(script);
            const image = "<img src='https://example.org/x.png'>";
            document.body.insertAdjacentHTML("beforeend", image) }"""
        )
        page.wait_for_timeout(100)
        assert page.title() == VIEW.title
        assert len([text for text in heard.complaints if "Content Security Policy" in text]) == 2


def test_figures_say_what_they_show(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, _):
        silent = page.locator("svg:not([aria-label]), img:not([alt])")
        assert silent.locator("xpath=self::*[not(ancestor::*[@aria-hidden])]").count() == 0
        page.wait_for_selector("svg.strip")
        label = page.locator("svg[role=img]").first.get_attribute("aria-label")
        assert label == (
            "value-empathy: difference +18.0 points [+10.0, +26.0]; "
            "control arms +1.0 points, \N{MINUS SIGN}2.0 points, +3.0 points"
        )


def test_names_and_references_hold(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, _):
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(set(ids)) == len(ids)
        for attribute in ("aria-controls", "aria-labelledby"):
            found = page.locator(f"[{attribute}]")
            assert set(found.evaluate_all(f"a => a.map(e => e.getAttribute('{attribute}'))")) <= {
                *ids
            }
        assert page.get_by_label("Measure").count() == 1
        unnamed = page.locator("[role=region]:not([aria-label]), button:empty, summary:empty")
        assert unnamed.count() == 0


def test_tabs_follow_the_keyboard(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, _):
        assert page.get_by_role("tab").all_text_contents() == TABS
        reach(page, "[role=tab]")
        for key, shown in (
            ("ArrowRight", "Length"),
            ("End", "How it was made"),
            ("ArrowRight", "Differences"),
            ("ArrowLeft", "How it was made"),
            ("Home", "Differences"),
        ):
            page.keyboard.press(key)
            focused = page.locator("[role=tab]:focus")
            assert focused.text_content() == shown
            assert focused.get_attribute("aria-selected") == "true"
            panel = page.locator("[role=tabpanel]:visible")
            assert panel.count() == 1
            assert panel.get_attribute("data-tab") == shown
        page.keyboard.press("Tab")
        assert page.locator("[role=tabpanel]:focus").get_attribute("data-tab") == "Differences"


def test_an_address_opens_a_tab(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, _):
        page.evaluate("location.hash = '#judges'")
        expect(page.locator("#judges")).to_be_visible()
        page.reload()
        expect(page.locator("#judges")).to_be_visible()
        page.get_by_role("link", name="1 thing to mind").click()  # no tab, so the tab stays
        expect(page.locator("#judges")).to_be_visible()
        expect(page.locator("#mind")).to_be_in_viewport()
        page.reload()
        expect(page.locator("#differences")).to_be_visible()


def test_filters_follow_the_keyboard(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, _):
        page.get_by_role("tab", name="Replies").click()
        expect(page.get_by_role("status")).to_have_text("3 replies")
        reach(page, "[data-filter=measure]")
        page.keyboard.press("ArrowDown")  # empathy
        expect(page.get_by_role("status")).to_have_text("2 of 3 replies")
        reach(page, "[data-filter=arm]")
        page.keyboard.press("End")
        expect(page.get_by_role("status")).to_have_text("1 of 3 replies")
        expect(page.locator("article.change:visible")).to_contain_text("an empty reply")
        reach(page, "[data-filter=kind]")
        page.keyboard.press("End")  # unsafe
        expect(page.get_by_role("status")).to_have_text("0 of 3 replies")
        reach(page, "[data-reset]")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("3 replies")


def test_an_unsafe_reply_is_shown_when_asked_for(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as (page, _):
        page.get_by_role("tab", name="Replies").click()
        reply = page.get_by_text("I cannot help with that.")
        expect(reply).to_be_hidden()
        expect(page.get_by_text("Make a list of what to pack.")).to_be_visible()
        page.locator("article.change[data-kind=unsafe] summary").press("Enter")
        expect(reply).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(browser: Browser, report: Path, scheme: str) -> None:
    with open_page(browser, report, color_scheme=scheme) as (page, _):
        for tab in TABS:
            page.get_by_role("tab", name=tab, exact=True).click()
            assert page.evaluate(LOW_CONTRASTS) == []


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, report: Path) -> None:
    with open_page(browser, report, viewport=PHONE) as (page, _):
        for tab in TABS:
            page.get_by_role("tab", name=tab, exact=True).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_all_is_there_without_a_script(browser: Browser, report: Path) -> None:
    with open_page(browser, report, java_script_enabled=False) as (page, _):
        assert page.locator("[data-tab]:visible").count() == len(TABS)
        assert page.locator(".filters:visible").count() == 0


def test_the_page_of_an_evaluation_is_quiet_and_whole(browser: Browser, tmp_path: Path) -> None:
    levels = [round(0.2 + 0.02 * k, 2) for k in range(len(PROMPTS.prompts))]
    arms = {
        name: {"empathy": [min(1.0, level + up) for level in levels]}
        for name, up in (("base", 0.0), ("tuned", 0.3), ("control-0", 0.02), ("control-1", 0.01))
    }
    write_run(tmp_path / "out", "empathy", arms)
    with open_page(browser, tmp_path / "out" / "report.html", viewport=PHONE) as (page, heard):
        assert page.get_by_role("tab").all_text_contents() == [
            tab for tab in TABS if tab != "Crosstalk"
        ]
        page.get_by_role("tab", name="Replies").click()
        expect(page.get_by_role("status")).to_have_text("7 replies")
        assert page.evaluate(LOW_CONTRASTS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert heard.complaints == []
