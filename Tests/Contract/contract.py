"""The document that `parley openapi` prints, and whether a reply keeps to it.

Environment: OPENAPI (the document's file).
"""

import copy
import json
import os

import jsonschema
import referencing
import referencing.jsonschema


def once(members):
    """An object in which no member is there twice."""
    assert len(dict(members)) == len(members), [name for name, _ in members]
    return dict(members)


document = json.load(open(os.environ["OPENAPI"]), object_pairs_hook=once)
methods = ("get", "post", "put", "patch", "delete")


def closed(part):
    """The same, but every object that says nothing of other members has none."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    part = {name: closed(each) for name, each in part.items()}
    if part.get("type") == "object" and "properties" in part:
        part.setdefault("additionalProperties", False)
    return part


def content(validator, schema, text, whole):
    """A text that holds JSON keeps to the schema of that, which JSON Schema itself leaves to its reader."""
    if not isinstance(text, str) or whole.get("contentMediaType") != "application/json":
        return
    try:
        value = json.loads(text)
    except ValueError as error:
        yield jsonschema.ValidationError(f"not JSON: {error}: {text[:80]}")
    else:
        yield from validator.descend(value, schema)


Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"contentSchema": content})
registry = referencing.Registry().with_resource(
    "urn:contract", referencing.jsonschema.DRAFT202012.create_resource(closed(copy.deepcopy(document))))


def at(*steps):
    """Where a part of the document is."""
    return "urn:contract#/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def errors(value, *steps):
    """What is wrong with a value, by the schema that is there."""
    found = Validator({"$ref": at(*steps)}, registry=registry).iter_errors(value)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in found]


def operations():
    for path, item in document["paths"].items():
        for method in methods:
            if method in item:
                yield path, method, item[method]


def response(path, method, status):
    """The description of a reply and where it is; nil when there is none."""
    steps = ("paths", path, method, "responses", str(status))
    found = document["paths"][path][method]["responses"].get(str(status))
    if found and "$ref" in found:
        steps = tuple(found["$ref"].removeprefix("#/").split("/"))
        found = document[steps[0]][steps[1]][steps[2]]
    return found, steps


def header(name):
    return document["components"]["headers"][name]


def events(text):
    """The server-sent events of a stream, each with the fields that it has."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if fields:
            yield fields


def faults(path, method, status, headers, body):
    """All in which a reply does not keep to the contract.

    headers: their names in lower case.
    """
    found, steps = response(path, method, status)
    if not found:
        return [f"the status {status} is not in the document"]
    wrong = []
    described = {name.lower(): header(name) for name in found["headers"]}
    for name, about in described.items():
        value = headers.get(name)
        if value is None:
            wrong += [f"the header {name} is missing"] if about.get("required") else []
            continue
        if about["schema"]["type"] == "integer":
            value = int(value)
        wrong += [f"the header {name}: {error}" for error in errors(value, "components", "headers", next(
            key for key in document["components"]["headers"] if key.lower() == name), "schema")]
    known = {name.lower() for name in document["components"]["headers"]} - {"allow"}
    wrong += [f"the header {name} is not in the document" for name in known & set(headers) - set(described)]
    if "content" not in found:
        return wrong + ([f"a body where none is described: {body[:80]}"] if body else [])
    kind = headers.get("content-type", "").split(";")[0]
    if kind not in found["content"]:
        return wrong + [f"the type {kind} is not in the document"]
    where = (*steps, "content", kind, "schema")
    if kind == "text/event-stream":
        for event in events(body):
            wrong += [f"event {event}: {error}" for error in errors(event, *where)]
    elif method != "head":
        wrong += errors(json.loads(body), *where)
    return wrong
