"""A receiver of Standard Webhooks that believes nothing but what the standardwebhooks package has verified.

usage: webhook.py SECRET STATUS…

Says its port, then a line of JSON for each request: the webhook's id, the status that it was given, and what was in it.
The statuses are for the first requests, one each; the others get a 204.
"""

import http.server
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])
statuses = [int(status) for status in sys.argv[2:]]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            data = webhook.verify(body.decode(), dict(self.headers))
            status = statuses.pop(0) if statuses else 204
        except WebhookVerificationError as error:
            data, status = {"wrong": str(error)}, 400
        self.send_response(status)
        self.end_headers()
        print(json.dumps({"id": self.headers["webhook-id"], "status": status, "event": data}), flush=True)

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print("port", server.server_port, flush=True)
server.serve_forever()
