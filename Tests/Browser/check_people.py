"""Keyboards, telephones, and those who listen to a page."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from stage import DONE

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
RICH = """# Title\n\nText with **bold**, `code` and [a link](https://example.com).\n
```python\nprint("a line that is longer than any telephone is wide, so that the block has to scroll by itself")\n```\n
| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n- [ ] not done\n\n> quoted\n"""

EXAMINE = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])"""


def check_keyboard_only(stage):
    with stage.desk(log_in=False) as desk:
        key = desk.page.keyboard
        expect(desk("#email")).to_be_focused()
        key.type("keys@example.com")
        key.press("Enter")
        expect(desk("#question")).to_be_focused()
        key.type("one")
        key.press("Shift+Enter")
        key.type("two")
        key.press("Enter")
        desk.answers("You said: one\ntwo".replace("\n", ""))
        expect(desk(".bubble")).to_have_text("one\ntwo")

        # An input method's Enter sends nothing.
        desk("#question").fill("にほん")
        desk("#question").dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True})
        desk("#question").dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "bubbles": True, "cancelable": True})
        expect(desk("#question")).to_have_value("にほん")
        expect(desk(".exchange")).to_have_count(1)

        key.press("Control+Shift+O")
        expect(desk(".exchange")).to_have_count(0)
        expect(desk("#question")).to_be_focused()
        stage.provider.script("stop by key", "some", " more", hold=1)
        desk("#question").fill("stop by key")
        key.press("Enter")
        desk.answers("some")
        key.press("Escape")
        expect(desk(".note")).to_have_text("Stopped.")

        key.press("Control+/")
        expect(desk("#help")).to_be_visible()
        key.press("Escape")
        expect(desk("#help")).to_be_hidden()

        # From the search by Tab to a conversation, and by Enter into it; its menu, and back.
        key.press("Control+K")
        key.type("one")
        expect(desk("#list li")).to_have_count(1)
        key.press("Tab")
        key.press("Enter")
        desk.answers("You said: one\ntwo".replace("\n", ""))
        desk("#list li a").focus()
        key.press("Tab")
        key.press("Enter")
        expect(desk("[data-do=rename]")).to_be_focused()
        key.press("Enter")
        expect(desk("#ask-field")).to_be_focused()
        key.press("End")
        key.type(" by keys")
        key.press("Enter")
        desk.titles("one by keys")
        expect(desk("#list li button")).to_be_focused()

        # The first thing that Tab reaches goes past everything else.
        desk(".skip").focus()
        key.press("Enter")
        expect(desk("#question")).to_be_focused()
        desk.answers("You said: one\ntwo".replace("\n", ""))

        # Every control on the way through the page can be seen to be focused.
        desk(".skip").focus()
        for _ in range(14):
            key.press("Tab")
            assert desk.page.evaluate(
                "document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none' "
                "|| getComputedStyle(document.activeElement.closest('.field') ?? document.body).boxShadow !== 'none'")


def check_phone(stage):
    with stage.desk(**PHONE) as desk:
        stage.provider.script("rich", RICH)
        desk.send("rich")
        expect(desk(DONE).first).to_be_visible()
        desk.page.set_viewport_size({"width": 320, "height": 600})
        assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert desk.page.evaluate("document.querySelector('#scroll').scrollWidth <= document.querySelector('#scroll').clientWidth")
        desk.page.set_viewport_size(PHONE["viewport"])
        expect(desk("#side")).not_to_be_in_viewport()
        desk("#drawer").tap()
        expect(desk("#side")).to_be_in_viewport(ratio=0.9)
        expect(desk("#drawer")).to_have_attribute("aria-expanded", "true")
        expect(desk("#new")).to_be_focused()
        desk.page.keyboard.press("Escape")
        expect(desk("#drawer")).to_have_attribute("aria-expanded", "false")
        expect(desk("#drawer")).to_be_focused()
        desk("#drawer").tap()
        desk("#new").tap()
        expect(desk("#thread > *")).to_have_count(0)
        expect(desk("#side")).not_to_be_in_viewport()
        desk("#drawer").tap()
        desk("#list a").tap()
        expect(desk(".text h3")).to_have_text("Title")
        # On a telephone Enter is the only way to a new line.
        desk("#question").tap()
        desk.page.keyboard.type("a")
        desk.page.keyboard.press("Enter")
        desk.page.keyboard.type("b")
        expect(desk("#question")).to_have_value("a\nb")


def check_axe(stage):
    def examine(what):
        if desk.page.evaluate("window.axe === undefined"):
            desk.page.evaluate(AXE_SCRIPT)
        found = desk.page.evaluate(EXAMINE)
        assert not found, (what, found)

    stage.provider.script("rich", RICH)
    stage.provider.script("broken", status=400)
    for options in ({"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE | {"color_scheme": "dark"}):
        is_phone = "is_mobile" in options
        with stage.desk(log_in=False, reduced_motion="reduce", **options) as desk:
            examine("login")
            desk.log_in()
            desk.send("rich")
            expect(desk(DONE).first).to_be_visible()
            desk.send("broken")
            expect(desk(".note.error")).to_be_visible()
            desk.context.set_offline(True)
            desk.send("offline")
            expect(desk("#notice")).to_be_visible()
            desk.page.get_by_role("button", name="Edit this question").last.click()
            examine("an answer, an error, a notice, a question that is edited")
            if is_phone:
                desk("#drawer").tap()
                examine("drawer")
                continue
            desk.page.keyboard.press("Escape")
            desk("#actions").click()
            examine("menu")
            desk("[data-do=delete]").click()
            examine("a question to answer")
            desk("#ask-no").click()
            desk("#actions").click()
            desk("[data-do=rename]").click()
            examine("a name to give")
            desk("#ask-no").click()
            desk.page.keyboard.press("Control+/")
            examine("help")


def check_what_is_said_to_listeners(stage):
    with stage.desk() as desk:
        desk.page.evaluate("""() => {
            window.said = [];
            new MutationObserver(() => { const text = document.querySelector("#announcer").textContent; if (text) said.push(text); })
                .observe(document.querySelector("#announcer"), { childList: true, characterData: true, subtree: true }); }""")
        stage.provider.script("many pieces", *[f"{number} " for number in range(50)])
        desk.ask("many pieces")
        expect(desk("#announcer")).to_have_text("The answer is complete")
        assert desk.page.evaluate("said.length") <= 3
        live = desk.page.evaluate("[...document.querySelectorAll('#thread [aria-live], #thread [role=status], #thread [role=log]')].length")
        assert live == 0


def check_right_to_left_and_long_words(stage):
    with stage.desk() as desk:
        stage.provider.script("rtl", "مرحبا بالعالم\n\n- " + "ש" * 20 + "\n\n" + "w" * 3000)
        desk.send("rtl")
        expect(desk(".text p").first).to_have_css("direction", "rtl")
        expect(desk(".text li").first).to_have_css("direction", "rtl")
        assert desk.page.evaluate("document.querySelector('#scroll').scrollWidth <= document.querySelector('#scroll').clientWidth")
        desk("#question").fill("x" * 10_001)
        expect(desk("#count")).to_have_text("10,001 of 10,000 characters")
        expect(desk("#send")).to_be_disabled()
        desk("#question").fill("😀" * 10_000)
        expect(desk("#send")).to_be_enabled()
