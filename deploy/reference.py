"""The reference as Markdown, made from an OpenAPI 3.1 document: what holds for all requests, the requests by tag, then
the objects that they share."""

import json
from collections import Counter

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
TOKENS = {"session": "a session's token", "apiKey": "an API key"}


def markdown(document):
    return "\n".join(Reference(document).lines()) + "\n"


def cell(text):
    """Text for one cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def anchor(heading):
    kept = [letter for letter in heading.lower() if letter.isalnum() or letter in "-_ "]
    return "".join(kept).strip().replace(" ", "-")


def sample(value):
    """A block of code: an object that is short enough is on one line."""
    text, language = value, "text"
    if not isinstance(value, str):
        text, language = json.dumps(value, ensure_ascii=False), "json"
        if len(text) > 100:
            text = json.dumps(value, ensure_ascii=False, indent=2)
    return ["", f"```{language}", *text.rstrip("\n").split("\n"), "```", ""]


class Reference:
    def __init__(self, document):
        self.document = document
        components = document.get("components", {})
        self.schemas = components.get("schemas", {})
        self.headers = components.get("headers", {})
        self.operations = [(method, path, item) for path, item in document["paths"].items() for method in METHODS
                           if method in item]
        # Replies that most requests may get, such as nginx's own errors, are told once.
        count = Counter((status, self.resolve(reply).get("description")) for method, _, item in self.operations
                        for status, reply in item[method].get("responses", {}).items() if set(reply) == {"$ref"})
        self.common = {pair for pair, times in count.items() if times > 0.75 * len(self.operations)}

    def resolve(self, item):
        """What a reference means; members beside it come before those of what it names."""
        while "$ref" in item:
            found = self.document
            for part in item["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            item = found | {name: value for name, value in item.items() if name != "$ref"}
        return item

    def lines(self):
        yield from self.all_requests()
        told = {tag["name"]: tag.get("description", "") for tag in self.document.get("tags", [])}
        by_tag = {name: [] for name in told}
        for method, path, item in self.operations:
            by_tag.setdefault((item[method].get("tags") or ["Requests"])[0], []).append((method, path, item))
        for tag, operations in by_tag.items():
            if operations:
                yield from ["", f"## {tag}", "", told.get(tag, "")]
            for method, path, item in operations:
                yield from self.operation(method, path, item)
        if self.schemas:
            yield from ["", "## Objects", "", "What several requests and replies share."]
        for name, schema in self.schemas.items():
            yield from ["", f"### {name} {{#object-{anchor(name)}}}", "", schema.get("description", "")]
            yield from self.fields(schema)
            for example in schema.get("examples", []):
                yield from sample(example)

    def all_requests(self):
        yield from ["", "## For all requests", "", self.document["info"].get("description", "")]
        if self.common:
            yield from ["", "### Any request", "", "Any request may get these replies besides its own.", "",
                        "| status | when |", "|---|---|"]
            for status, description in sorted(self.common):
                yield f"| {status} | {cell(description)} |"
        if self.headers:
            yield from ["", "### Headers of replies", "", "| header | what |", "|---|---|"]
            for name, header in self.headers.items():
                yield f"| `{name}` | {cell(self.resolve(header).get('description'))} |"

    def operation(self, method, path, item):
        operation = item[method]
        yield from ["", f"### `{method.upper()} {path}`", ""]
        summary = operation.get("summary", "")
        yield from [f"**{summary}.** {self.token(operation)}", "", operation.get("description", "")]
        parameters = [self.resolve(each) for each in item.get("parameters", []) + operation.get("parameters", [])]
        if parameters:
            yield from ["", "| parameter | in | type | what |", "|---|---|---|---|"]
            for each in parameters:
                required = " Required." if each.get("required") and each["in"] != "path" else ""
                yield (f"| `{each['name']}` | {each['in']} | {self.type(each.get('schema', {}))} "
                       f"| {cell(each.get('description'))}{required} |")
        if "requestBody" in operation:
            yield from self.body(self.resolve(operation["requestBody"]))
        yield from self.replies(operation.get("responses", {}))

    def token(self, operation):
        """Who may ask."""
        words = [f"{TOKENS.get(name, name)}" + (f" with the role `{'`, `'.join(roles)}`" if roles else "")
                 for scheme in operation.get("security", self.document.get("security", []))
                 for name, roles in scheme.items()]
        return f"Needs {' or '.join(words)}." if words else "Needs no token."

    def body(self, body):
        for kind, media in body.get("content", {}).items():
            schema = media.get("schema", {})
            word = "" if "json" in kind else f", as `{kind}`"
            yield from ["", f"The body is {self.type(schema)}{word}:"]
            yield from self.fields(self.resolve(schema))
        yield from self.examples(body.get("content", {}), "A body")

    def replies(self, responses):
        own = {status: self.resolve(reply) for status, reply in responses.items()}
        own = {status: reply for status, reply in own.items() if (status, reply.get("description")) not in self.common}
        yield from ["", "| status | when | body |", "|---|---|---|"]
        for status, reply in own.items():
            kinds = [self.kind(*pair) for pair in reply.get("content", {}).items()]
            yield f"| {status} | {cell(reply.get('description'))} | {' or '.join(kinds) or '–'} |"
        if len(own) < len(responses):
            yield "| others | [What any request may get.](#any-request) | |"
        for status, reply in own.items():
            if status.startswith("2"):
                names = [f"`{name}`" for name in reply.get("headers", {}) if name.lower() != "x-request-id"]
                if names:
                    yield from ["", f"[Headers](#headers-of-replies) of a {status}: {', '.join(names)}."]
                yield from self.examples(reply.get("content", {}), f"A {status}")

    def examples(self, content, word):
        for kind, media in content.items():
            found = {name: self.resolve(each) for name, each in media.get("examples", {}).items()}
            if "example" in media:
                found[""] = {"value": media["example"]}
            if not found:
                shown = self.resolve(media.get("schema", {}))
                found = {"": {"value": each} for each in shown.get("examples", [])[:1]}
            for name, each in found.items():
                title = each.get("summary") or name.replace("_", " ")
                yield from ["", f"{title or word}:"]
                yield from sample(each.get("value"))

    def kind(self, kind, media):
        schema = self.type(media.get("schema", {})) if media.get("schema") else "JSON"
        return schema if "json" in kind else f"`{kind}`" + (f" of {schema}" if media.get("schema") else "")

    def fields(self, schema):
        """The members of an object, those of an unnamed object or list in it too."""
        rows = list(self.rows(schema, "", set(), True))
        if rows:
            yield from ["", "| field | type | what |", "|---|---|---|"]
            yield from rows
        yield ""

    def rows(self, schema, prefix, above, is_only):
        schema = self.resolve(schema)
        for part in schema.get("allOf", []):
            yield from self.rows(part, prefix, above, is_only)
        for part in schema.get("oneOf", []) + schema.get("anyOf", []):
            yield from self.rows(part, prefix, above, False)
        for name, value in schema.get("properties", {}).items():
            path = prefix + name
            if path in above or not isinstance(value, dict):
                continue
            above.add(path)
            required = " Required." if is_only and name in schema.get("required", []) else ""
            default = f" By default `{json.dumps(value['default'])}`." if "default" in value else ""
            yield f"| `{path}` | {self.type(value)} | {cell(value.get('description'))}{default}{required} |"
            if "$ref" not in value:
                inner, mark = (value["items"], "[].") if isinstance(value.get("items"), dict) else (value, ".")
                if "$ref" not in inner:
                    yield from self.rows(inner, path + mark, above, is_only)

    def type(self, schema):
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[-1]
            return f"[{name}](#object-{anchor(name)})" if name in self.schemas else self.type(self.resolve(schema))
        for name in ("oneOf", "anyOf", "allOf"):
            if name in schema:
                return " or ".join(dict.fromkeys(self.type(each) for each in schema[name]))
        if "const" in schema:
            return f"`{json.dumps(schema['const'], ensure_ascii=False)}`"
        if "enum" in schema:
            return " or ".join(f"`{json.dumps(each, ensure_ascii=False)}`" for each in schema["enum"])
        kinds = schema.get("type", "object" if "properties" in schema else "any value")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        return " or ".join(f"list of {self.type(schema['items'])}" if kind == "array" and "items" in schema else kind
                           for kind in kinds)
