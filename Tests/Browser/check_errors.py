"""What goes wrong is said in words that help, and nothing that was typed is lost."""

from playwright.sync_api import expect


def check_session_ended_elsewhere(stage):
    with stage.desk() as desk:
        desk.ask("before the end")
        desk.api("POST", "/auth/logout")
        desk.send("typed before the end was known")
        expect(desk("#login")).to_be_visible()
        expect(desk("#login-why")).to_contain_text("What you typed is kept")
        expect(desk("#email")).to_have_value("ada@example.com")
        # There is no way past it.
        desk.page.keyboard.press("Escape")
        desk.page.keyboard.press("Escape")
        expect(desk("#login")).to_be_visible()
        desk("#login .primary").click()
        expect(desk("#login")).to_be_hidden()
        expect(desk("#question")).to_have_value("typed before the end was known")
        expect(desk("#notice")).to_contain_text("session that has ended")
        desk("#send").click()
        desk.answers("You said: typed before the end was known")
        desk.titles("typed before the end was known")


def check_session_ended_and_somebody_else_logs_in(stage):
    with stage.desk() as desk:
        desk.api("POST", "/auth/logout")
        desk.send("nobody else's business")
        expect(desk("#login-why")).to_contain_text("What you typed is kept")
        desk.page.reload()
        desk.log_in("ben@example.com")
        expect(desk("#question")).to_have_value("")
        expect(desk(".exchange")).to_have_count(0)
        desk.page.reload()
        expect(desk("#me strong")).to_have_text("ben@example.com")
        expect(desk("#question")).to_have_value("")


def check_offline(stage):
    with stage.desk() as desk:
        desk.ask("online")
        desk.context.set_offline(True)
        desk.send("offline")
        expect(desk("#notice")).to_contain_text("Your question is kept")
        expect(desk("#question")).to_have_value("offline")
        desk.context.set_offline(False)
        expect(desk("#notice")).to_be_hidden()
        desk("#send").click()
        desk.answers("You said: online", "You said: offline")


def check_provider_down(stage):
    with stage.desk() as desk:
        stage.provider.script("nobody is there", status=503)
        desk.send("nobody is there")
        expect(desk(".note.error")).to_be_visible()
        stage.provider.script("nobody is there", "up again")
        desk.page.get_by_role("button", name="Ask again").click()
        desk.answers("up again")


def check_blocked_message(stage):
    with stage.desk() as desk:
        desk.send("x' OR 1=1; DROP TABLE users; --")
        expect(desk(".blocked .note")).to_contain_text("held back for safety")
        expect(desk("#send")).to_have_accessible_name("Send")


def check_limits(stage):
    with stage.desk(address=stage.limited) as desk:
        # More than one a second is refused, with the time to wait.
        while not desk("#notice").is_visible():
            asked = f"limit me {desk('.exchange').count()}"
            desk.send(asked)
            expect(desk(".exchange:last-child:not(.running) .tools button").or_(desk("#notice")).first).to_be_visible()
        expect(desk("#notice")).to_contain_text("Too many questions in a short time")
        expect(desk("#question")).to_have_value(asked)
        again = desk("#notice button").first
        expect(again).to_be_disabled()
        assert desk("#notice .left").inner_text() in ("Time left: 0:01", "Time left: 0:02")
        expect(desk("#notice .left")).to_have_text("You can go on now.")
        again.click()
        expect(desk(".exchange:last-child .text")).to_have_text(f"You said: {asked}")

        # The session has three messages; what is spent is said so, and there is nothing to wait for.
        while not desk("#notice").is_visible():
            asked = f"spend {desk('.exchange').count()}"
            desk.send(asked)
            expect(desk(".exchange:last-child:not(.running) .tools button").or_(desk("#notice")).first).to_be_visible()
            if desk("#notice .left").is_visible():
                expect(desk("#notice .left")).to_have_text("You can go on now.")
                desk("#notice button").last.click()
        expect(desk("#notice")).to_contain_text("a new session has a new count")
        expect(desk("#me small")).to_have_text("0 of 3 messages left")
        expect(desk("#question")).to_have_value(asked)
