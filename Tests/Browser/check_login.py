"""Logging in with a code, and out of everything."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from check_people import EXAMINE


def check_code(stage):
    with stage.desk(log_in=False, address=stage.coded) as desk:
        key = desk.page.keyboard
        expect(desk("#email")).to_be_focused()
        expect(desk("#code")).to_be_hidden()
        key.type("cy@example.com")
        key.press("Enter")
        expect(desk("#code")).to_be_focused()
        expect(desk("#login-why")).to_have_text("A code is on its way to cy@example.com.")
        desk.page.evaluate(AXE_SCRIPT)
        assert not desk.page.evaluate(EXAMINE)
        code = stage.code("cy@example.com")
        desk("#code").fill("000000" if code != "000000" else "000001")
        key.press("Enter")
        expect(desk("#login-error")).to_contain_text("The code is wrong")

        # Another address has another code.
        desk("#email").fill("dee@example.com")
        expect(desk("#code")).to_be_hidden()
        desk("#email").fill("cy@example.com")
        desk("#login .primary").click()
        expect(desk("#code")).to_be_focused()
        desk("#code-again").click()
        code = stage.code("cy@example.com", 3)
        key.type(f"{code[:3]} {code[3:]}")
        key.press("Enter")
        expect(desk("#login")).to_be_hidden()
        desk.ask("the same everywhere")

        with stage.desk(log_in=False, address=stage.coded) as other:
            other("#email").fill("cy@example.com")
            other("#login .primary").click()
            expect(other("#code")).to_be_focused()
            other("#code").fill(stage.code("cy@example.com", 4))
            other("#login .primary").click()
            other.titles("the same everywhere")
            other("#me").click()
            other("#log-out-all").click()
            expect(other("#login-why")).to_have_text("You have logged out everywhere.")
            expect(other("#code")).to_be_hidden()
        desk.send("gone")
        expect(desk("#login-why")).to_contain_text("Your session has ended")
        expect(desk("#question")).to_have_value("gone")


def check_nothing_is_everywhere_where_nothing_is_proved(stage):
    with stage.desk() as desk:
        desk("#me").click()
        expect(desk("#log-out")).to_be_visible()
        expect(desk("#log-out-all")).to_be_hidden()
