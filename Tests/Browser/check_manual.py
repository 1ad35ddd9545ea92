"""The landing page and the manual: on every screen, with the keyboard, with its search, and without scripts."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
# What moved after it was drawn, on the pages that have been looked at.
SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})"""


def check_manual_on_every_screen(stage):
    axe = Axe()
    reply = stage.browser.new_context(ignore_https_errors=True).request.get(stage.address + "/docs/search.json")
    pages = {entry[0].partition("#")[0] for entry in reply.json()}
    assert len(pages) > 12
    # A phone shows what is too wide. A page that is looked at for people who listen is whole in both.
    for options, chosen in (({"color_scheme": "light"}, ["/docs/contract.html", "/docs/deploy.html"]),
                            (PHONE | {"color_scheme": "dark"}, ["/", *sorted(pages)])):
        with stage.desk(log_in=False, reduced_motion="reduce", **options) as desk:
            for path in chosen:
                desk.page.goto(desk.address + path)
                expect(desk("h1")).to_have_count(1)
                assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
                assert desk.page.evaluate(SHIFT) == 0, path
                assert not desk.page.evaluate("window.violations"), path
                if path in ("/", "/docs/contract.html"):
                    found = [(each["id"], [node["target"] for node in each["nodes"]][:4])
                             for each in axe.run(desk.page).response["violations"]
                             if each["impact"] in ("serious", "critical")]
                    assert not found, (path, found)


def check_manual_search(stage):
    with stage.desk(log_in=False) as desk:
        desk.open("/docs/")
        key = desk.page.keyboard
        key.press("/")
        expect(desk("#finder")).to_be_focused()
        key.type("zebra xylophone")
        expect(desk(".tally")).to_have_text("Nothing found.")
        key.press("Control+A")
        key.type("last-event-id")
        expect(desk("#found a").first).to_contain_text("Streams: Reconnect")
        key.press("ArrowDown")
        expect(desk("#found a").first).to_be_focused()
        key.press("ArrowUp")
        expect(desk("#finder")).to_be_focused()
        key.press("Escape")
        expect(desk("#finder")).to_be_hidden()
        key.press("Control+K")
        expect(desk("#finder")).to_be_focused()
        key.press("Enter")
        desk.page.wait_for_url("**/docs/streams.html#reconnect")
        expect(desk("#reconnect")).to_be_in_viewport()
        expect(desk(".contents [aria-current]")).to_have_text("Reconnect")


def check_manual_by_hand(stage):
    with stage.desk(log_in=False, color_scheme="light", permissions=["clipboard-read", "clipboard-write"]) as desk:
        # The commands are for the server that the page comes from, and can be copied.
        desk.open("/docs/contract.html")
        desk(".copy").nth(1).click()
        copied = desk.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(f"TOKEN=$(curl -s {desk.address}/auth/email"), copied
        # The choice of colours stays; the opposite of the system's is kept, its own is not.
        ground = "getComputedStyle(document.body).backgroundColor"
        light = desk.page.evaluate(ground)
        desk("[data-theme-switch]").click()
        assert desk.page.evaluate(ground) != light
        desk.page.reload()
        assert desk.page.evaluate(ground) != light
        desk("[data-theme-switch]").click()
        assert desk.page.evaluate(ground) == light
        assert desk.page.evaluate("localStorage.getItem('parley-theme')") is None

    with stage.desk(log_in=False, **PHONE) as desk:
        desk.open("/docs/contract.html")
        expect(desk("#pages")).to_be_hidden()
        desk(".menu").tap()
        desk("#pages a").filter(has_text="Deploy").tap()
        expect(desk("h1")).to_have_text("Deploy")
        desk(".contents-here summary").tap()
        desk(".contents-here a").filter(has_text="Containers").tap()
        expect(desk("#containers")).to_be_in_viewport()


def check_manual_without_scripts(stage):
    context = stage.browser.new_context(ignore_https_errors=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(stage.address + "/docs/")
    expect(page.locator("[data-search]")).to_be_hidden()
    expect(page.locator("[data-theme-switch]")).to_be_hidden()
    page.locator("#pages a").filter(has_text="Settings").click()
    expect(page.locator("h1")).to_have_text("Settings")
    context.close()
