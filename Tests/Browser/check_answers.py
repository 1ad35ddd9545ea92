"""From logging in to an answer, and answers that are stopped, cut or left in the middle."""

import json

from playwright.sync_api import expect

SIZE = """performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
  .filter((entry) => /\\/(chat\\/$|chat\\/app\\/|pages\\/)/.test(entry.name)).reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""


def check_login_to_answer(stage):
    with stage.desk(log_in=False) as desk:
        expect(desk("#login")).to_contain_text("the address is not proved")
        desk("#email").fill("no address")
        desk("#login .primary").click()
        assert desk.page.evaluate("document.querySelector('#email').validity.valid") is False
        desk.log_in()
        expect(desk("#question")).to_be_focused()
        stage.provider.script("first", "One\n\n", "**two**\n\n", "three")
        desk.send("first")
        desk.answers("Onetwothree")
        expect(desk(".text strong")).to_have_text("two")
        desk.titles("first")
        expect(desk("#me small")).to_have_text("49 of 50 messages left")
        assert desk.page.evaluate("location.hash").startswith("#conv_")
        expect(desk.page).to_have_title("first · Parley")
        size = desk.page.evaluate(SIZE)
        assert 10_000 < size < 60 * 1024, f"all that the page is made of: {size} bytes as sent"
        desk.page.reload()
        desk.answers("Onetwothree")
        desk.ask("and the second?")
        stage.provider.wait_for(lambda model: model.asked[-1] == ["first", "One\n\n**two**\n\nthree", "and the second?"])


def check_stop(stage):
    with stage.desk() as desk:
        stage.provider.script("stop me", "A beginning", " and an end", hold=1)
        desk.send("stop me")
        desk.answers("A beginning")
        expect(desk("#send")).to_have_accessible_name("Stop")
        desk.page.keyboard.press("Escape")
        expect(desk(".note")).to_have_text("Stopped.")
        desk.answers("A beginning")
        expect(desk("#send")).to_have_accessible_name("Send")
        stage.provider.release("stop me")
        desk.page.get_by_role("button", name="Ask again").click()
        desk.answers("A beginning and an end")
        expect(desk(".note")).to_be_hidden()


def check_lost_connection(stage):
    with stage.desk() as desk:
        words = [f"wörd-{number} " for number in range(40)]
        stage.provider.script("cut the line", *words, hold=20)
        places = []
        desk.page.on("request", lambda request: "/chat/stream/" in request.url
                     and places.append(request.headers.get("last-event-id")))
        desk.send("cut the line")
        expect(desk(".text")).to_contain_text("wörd-19")
        stage.proxy.cut()
        expect(desk(".note")).to_contain_text("Reconnecting")
        stage.provider.release("cut the line")
        stage.proxy.mend()
        desk.answers("".join(words).strip())
        expect(desk(".note")).to_be_hidden()
        expect(desk(".replied .tools button").first).to_be_visible()
        assert len([asked for asked in stage.provider.asked if asked[-1] == "cut the line"]) == 1
        assert places and all(places), "it goes on where it was"


def check_every_byte_once(stage):
    """A stream that skips something is asked for again from there, and what comes twice is shown once."""
    with stage.desk() as desk:
        def event(name, place, **data):
            return f"event: {name}\nid: {place}\ndata: {json.dumps(data)}\n\n"

        places = []

        def rest(route):
            places.append(route.request.headers.get("last-event-id"))
            done = {"id": "msg_1", "content": "Hällo, wörld", "conversation_id": "conv_1", "parent": None, "model": "m"}
            body = event("delta", 15, text="o, wörld") if len(places) == 1 else event("done", "end", **done)
            route.fulfill(content_type="text/event-stream", body=body)

        head = event("start", 0, id="msg_1", conversation_id="conv_1", parent=None)
        desk.page.route("**/chat/stream/msg_1", rest)
        desk.page.route("**/chat", lambda route: route.fulfill(
            content_type="text/event-stream",
            body=f"{head}: keep-alive\n\n{event('delta', 6, text='Hällo')}{event('delta', 15, text='ld')}"))
        desk.send("any")
        desk.answers("Hällo, wörld")
        expect(desk("#send")).to_have_accessible_name("Send")
        assert places == ["6", "15"], places


def check_reload_in_the_middle(stage):
    with stage.desk() as desk:
        # The first of a conversation, which is none before that answer is there; then a second.
        stage.provider.script("reload me", "Before ", "and ", "after.", hold=2)
        desk.send("reload me")
        desk.answers("Before and")
        desk.page.reload()
        desk.answers("Before and")
        expect(desk(".exchange.running")).to_have_count(1)
        stage.provider.release("reload me")
        desk.answers("Before and after.")
        desk.titles("reload me")
        expect(desk(".exchange:not(.running)")).to_have_count(1)
        stage.provider.script("and me", "Once ", "more.", hold=1)
        desk.send("and me")
        desk.answers("Before and after.", "Once")
        desk.page.reload()
        desk.answers("Before and after.", "Once")
        expect(desk(".note")).to_have_text(["", ""])
        stage.provider.release("and me")
        desk.answers("Before and after.", "Once more.")
        expect(desk(".exchange:not(.running)")).to_have_count(2)
        assert desk.page.evaluate("sessionStorage.getItem('parley-pending')") is None
        assert len([asked for asked in stage.provider.asked if asked[-1] == "reload me"]) == 1


def check_other_conversation_meanwhile(stage):
    with stage.desk() as desk:
        desk.ask("an old one")
        desk("#new").click()
        stage.provider.script("slow one", "Slow ", "and steady", hold=1)
        desk.send("slow one")
        desk.answers("Slow")
        desk("#list a").filter(has_text="an old one").click()
        desk.answers("You said: an old one")
        stage.provider.release("slow one")
        desk.titles("slow one", "an old one")
        desk("#list a").filter(has_text="slow one").click()
        desk.answers("Slow and steady")

        # One that is asked before the conversation is here goes below its newest message all the same.
        held = []
        desk.page.route("**/chat/conversations/conv_*", lambda route: held.append(route))
        desk("#list a").filter(has_text="an old one").click()
        expect(desk("#thread > *")).to_have_count(0)
        desk.send("already asked")
        desk.answers("You said: already asked")
        for route in held:
            route.continue_()
        desk.page.unroute("**/chat/conversations/conv_*")
        desk.answers("You said: an old one", "You said: already asked")


def check_killed_worker(stage):
    if not stage.pool:
        return
    with stage.desk() as desk:
        stage.provider.script("killed", "This is all", " that", hold=1)
        desk.send("killed")
        desk.answers("This is all")
        stage.kill_workers()
        expect(desk(".note.error")).to_contain_text("not whole")
        desk.answers("This is all")
        stage.provider.release("killed")
        desk.page.get_by_role("button", name="Ask again").click()
        desk.answers("This is all that")
