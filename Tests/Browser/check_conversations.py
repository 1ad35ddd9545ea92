"""The side list, versions of questions and answers, and files."""

import json
import pathlib

from playwright.sync_api import expect


def check_rename_and_delete(stage):
    with stage.desk() as desk:
        desk.ask("first line\nsecond line")
        desk.ask_anew("about birds")
        desk.titles("about birds", "first line")
        menu = desk("#list li").filter(has_text="first line")
        menu.hover()
        menu.get_by_role("button").click()
        desk("[data-do=rename]").click()
        expect(desk("#ask-field")).to_be_focused()
        expect(desk("#ask-field")).to_have_value("first line")
        desk("#ask-field").fill("  A better title ")
        desk("#ask-yes").click()
        expect(desk("#ask")).to_be_hidden()
        desk.titles("about birds", "A better title")
        desk.page.reload()
        desk.titles("about birds", "A better title")

        desk("#actions").click()
        desk("[data-do=delete]").click()
        expect(desk("#ask-text")).to_contain_text("about birds")
        expect(desk("#ask-no")).to_be_focused()
        desk.page.keyboard.press("Escape")
        desk.titles("about birds", "A better title")
        desk("#actions").click()
        desk("[data-do=delete]").click()
        desk("#ask-yes").click()
        desk.titles("A better title")
        expect(desk("#thread > *")).to_have_count(0)
        expect(desk("#question")).to_be_focused()
        desk("#me").click()
        desk("#delete-all").click()
        desk("#ask-yes").click()
        desk.titles()
        assert desk.api("GET", "/chat/conversations")["count"] == 0


def check_search_fetches_further_pages(stage):
    with stage.desk() as desk:
        def page(route):
            at = int(route.request.url.partition("before=")[2] or 0)
            entries = [
                {"id": f"conv_{n}", "title": f"Title {n}", "count": 1, "last_activity": "2026-01-01T00:00:00.000Z"}
                for n in range(at, at + 100)]
            route.fulfill(json={"conversations": entries, "count": 100, "has_more": at < 300, "next": str(at + 100)})

        desk.page.route("**/chat/conversations?*", page)
        desk.page.reload()
        expect(desk("#list li")).to_have_count(100)
        desk.page.keyboard.press("Control+k")
        expect(desk("#search")).to_be_focused()
        desk.page.keyboard.type("title 37")
        expect(desk("#list li")).to_have_count(11)
        expect(desk("#list-note")).to_have_text("11 found")
        desk.page.keyboard.type("99")
        expect(desk("#list-note")).to_have_text("No title has these words.")
        desk.page.keyboard.press("Escape")
        expect(desk("#search")).to_have_value("")
        expect(desk("#list li")).to_have_count(400)


def check_edit_regenerate_and_versions(stage):
    with stage.desk() as desk:
        stage.provider.script("capital?", "Of what?")
        desk.ask("capital?")
        desk.ask("more")
        desk.answers("Of what?", "You said: more")
        first = desk(".exchange").first
        first.hover()
        first.get_by_role("button", name="Edit this question").click()
        editor = desk(".editor")
        expect(editor).to_be_focused()
        editor.fill("capital of France?")
        stage.provider.script("capital of France?", "Paris")
        desk.page.keyboard.press("Enter")
        desk.answers("Paris")
        expect(desk(".asked .versions")).to_have_text("2/2")

        # The model is asked anew, past the cache, and both answers stay.
        stage.provider.script("capital of France?", "Paris, of course")
        desk.page.get_by_role("button", name="Answer anew").click()
        desk.answers("Paris, of course")
        expect(desk(".replied .versions")).to_have_text("2/2")
        desk.page.get_by_role("button", name="Previous version of this answer").click()
        desk.answers("Paris")
        desk.ask("below the older one")
        desk.answers("Paris", "You said: below the older one")
        stage.provider.wait_for(lambda model: model.asked[-1] == ["capital of France?", "Paris", "below the older one"])

        desk.page.get_by_role("button", name="Previous version of this question").click()
        desk.answers("Of what?", "You said: more")
        desk.page.reload()
        desk.answers("Paris", "You said: below the older one")
        expect(desk(".asked .versions")).to_have_text("2/2")
        expect(desk(".replied .versions")).to_have_text("1/2")


def check_long_conversation(stage):
    """250 messages: shown from the end, the earlier ones when they are asked for, all of them in a file."""
    with stage.desk() as desk:
        def page(route):
            end = int(route.request.url.partition("before=msg_")[2] or 250)
            messages = [
                {"id": f"msg_{n:03}", "message": f"q{n}", "response": f"a{n}", "model": "m", "parent": f"msg_{n - 1:03}" if n else None}
                for n in range(max(0, end - 100), end)]
            route.fulfill(json={"id": "conv_long", "title": "Long", "count": 250, "messages": messages, "has_more": end > 100})

        desk.page.route("**/chat/conversations/conv_long?*", page)
        desk.page.evaluate("location.hash = '#conv_long'")
        expect(desk(".exchange")).to_have_count(100)
        expect(desk(".exchange").last).to_be_in_viewport()
        desk("#earlier").click()
        expect(desk(".exchange")).to_have_count(200)
        desk("#earlier").click()
        expect(desk(".exchange")).to_have_count(250)
        expect(desk("#earlier")).to_be_hidden()
        expect(desk(".bubble").first).to_have_text("q0")
        # A look at what was changed elsewhere takes nothing away.
        with desk.page.expect_response("**/chat/conversations/conv_long?*"):
            desk.page.evaluate("dispatchEvent(new Event('online'))")
        desk.page.evaluate("new Promise(requestAnimationFrame)")
        expect(desk(".exchange")).to_have_count(250)
        desk("#actions").click()
        with desk.page.expect_download() as download:
            desk("[data-do=markdown]").click()
        assert pathlib.Path(download.value.path()).read_text().count("## Question") == 250


def check_copy(stage):
    with stage.desk() as desk:
        desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
        stage.provider.script("copy me", "Text\n\n```py\na = 1\n\n\tb\n```")
        desk.send("copy me")
        desk(".code .copy").click()
        expect(desk(".code .copy")).to_have_text("Copied")
        assert desk.page.evaluate("navigator.clipboard.readText()") == "a = 1\n\n\tb"
        desk.page.get_by_role("button", name="Copy this answer").click()
        expect(desk("#announcer")).to_have_text("Copied")
        assert desk.page.evaluate("navigator.clipboard.readText()") == "Text\n\n```py\na = 1\n\n\tb\n```"


def check_export(stage):
    with stage.desk() as desk:
        stage.provider.script("code?", "```python\nprint(1)\n```\n")
        desk.ask("code?")
        desk.ask("two\nlines")

        def saved(kind):
            desk("#actions").click()
            with desk.page.expect_download() as download:
                desk(f"[data-do={kind}]").click()
            return download.value.suggested_filename, pathlib.Path(download.value.path()).read_text()

        name, text = saved("markdown")
        assert name == "code.md"
        assert text.startswith("# code?\n\n## Question\n\n> code?\n\n## Answer"), text
        assert "```python\nprint(1)\n```" in text and "> two\n> lines" in text, text
        name, document = saved("json")
        assert name == "code.json"
        messages = json.loads(document)["messages"]
        assert [message["message"] for message in messages] == ["code?", "two\nlines"]
        assert messages[1]["parent"] == messages[0]["id"]
        assert desk.token not in text + document
        assert desk.token not in desk.page.content()


def check_two_tabs(stage):
    with stage.desk() as desk:
        one = desk.page
        desk.ask("shared")
        desk.open("/chat/" + one.evaluate("location.hash"))
        # It has got the session from the first.
        desk.titles("shared")
        desk.answers("You said: shared")
        desk.ask("from the second tab")
        two, desk.page = desk.page, one
        desk.answers("You said: shared", "You said: from the second tab")
        desk("#question").fill("not sent yet")
        desk.page = two
        desk("#actions").click()
        desk("[data-do=delete]").click()
        desk("#ask-yes").click()
        desk.titles()
        desk.page = one
        desk.titles()
        expect(desk("#notice")).to_contain_text("deleted in another window")
        expect(desk("#question")).to_have_value("not sent yet")
        desk("#send").click()
        desk.answers("You said: not sent yet")
        desk("#question").fill("nobody else's business")
        desk.page = two
        desk("#me").click()
        desk("#log-out").click()
        expect(desk("#login-why")).to_have_text("You have logged out.")
        desk.page = one
        expect(desk("#login-why")).to_have_text("You have logged out in another window.")
        expect(desk("#question")).to_have_value("")
        assert desk.page.evaluate("Object.keys(sessionStorage)") == []
