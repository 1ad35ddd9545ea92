"""A mail server for tests, on loopback, with a certificate of its own.

usage: mailbox.py FOLDER smtps|starttls|clear|bare [USER PASSWORD]

Makes certificate.pem in the folder, says "mailbox PORT", and then each mail that it has taken as a line of JSON: from, to,
headers, text, whether it came by TLS, and who logged in; the file mails in the folder gets them too. bare speaks smtp and has no STARTTLS. With a name and a password it wants them. What
is addressed to refused@… it never takes, and to later@… the second time only.
"""

import asyncio
import email
import email.policy
import json
import ssl
import subprocess
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder, kind, *login = sys.argv[1:]
certificate, key = folder + "/certificate.pem", folder + "/key.pem"
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
     "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
    check=True, capture_output=True)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
seen = set()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 no such user"
        if address.startswith("later@") and address not in seen:
            seen.add(address)
            return "451 not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        line = json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "headers": {k: str(v) for k, v in message.items()},
            "text": message.get_content(), "tls": session.ssl is not None or kind == "smtps",
            "user": session.auth_data.login.decode() if session.authenticated else None,
        })
        print(line, flush=True)
        with open(folder + "/mails", "a") as mails:
            print(line, file=mails)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    isRight = [data.login.decode(), data.password.decode()] == login
    return AuthResult(success=isRight, handled=False, auth_data=data)


async def main():
    loop = asyncio.get_running_loop()

    def protocol():
        return SMTP(
            Handler(), hostname="localhost", enable_SMTPUTF8=True, loop=loop,
            tls_context=context if kind == "starttls" else None, require_starttls=kind == "starttls",
            authenticator=authenticate if login else None, auth_required=bool(login), auth_require_tls=kind == "starttls")

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if kind == "smtps" else None)
    print(f"mailbox {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
