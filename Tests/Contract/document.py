"""Validates the document by itself: against OpenAPI 3.1, its examples against their schemas, and nginx's own lists of
paths against its paths."""

import pathlib
import re

import openapi_spec_validator

from contract import at, document, errors, events, operations, response

openapi_spec_validator.validate(document, cls=openapi_spec_validator.OpenAPIV31SpecValidator)
assert document["openapi"] == "3.1.0" and document["servers"] == [{"url": "/"}]

wrong = []


def check_examples(part, *steps):
    for kind, about in part.get("content", {}).items():
        for title, example in about.get("examples", {}).items():
            where = (*steps, "content", kind, "schema")
            values = events(example["value"]) if kind == "text/event-stream" else [example["value"]]
            wrong.extend(f"{steps} {title}: {error}" for value in values for error in errors(value, *where))


seen = set()
for path, method, operation in operations():
    steps = ("paths", path, method)
    assert operation["operationId"] not in seen, operation["operationId"]
    seen.add(operation["operationId"])
    for name in ("summary", "description", "tags", "security", "responses"):
        assert name in operation, f"{method} {path} has no {name}"
    assert operation["tags"][0] in [tag["name"] for tag in document["tags"]]
    named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", path)), f"{path}: {named}"
    for index, parameter in enumerate(operation.get("parameters", [])):
        if "example" in parameter:
            wrong.extend(errors(parameter["example"], *steps, "parameters", index, "schema"))
    check_examples(operation.get("requestBody", {}), *steps, "requestBody")
    for status in operation["responses"]:
        found, where = response(path, method, status)
        assert found["headers"]["X-Request-ID"] and found["description"]
        check_examples(found, *where)


def check_schema_examples(part, *steps):
    if isinstance(part, dict):
        for index, example in enumerate(part.get("examples", []) if isinstance(part.get("examples"), list) else []):
            wrong.extend(f"{steps}: {error}" for error in errors(example, *steps))
        for name, each in part.items():
            check_schema_examples(each, *steps, name)
    elif isinstance(part, list):
        for index, each in enumerate(part):
            check_schema_examples(each, *steps, index)


check_schema_examples(document["components"]["schemas"], "components", "schemas")

# Every object that is described is used by something.
text = str(document)
for kind in ("schemas", "headers", "responses"):
    for name in document["components"][kind]:
        # An operation is never told that there is none of its method; and each dialect has all statuses.
        is_used = f"#/components/{kind}/{name}'" in text or name.endswith(("MethodNotAllowed", "Invalid", "Conflict"))
        assert is_used, f"nothing has {kind}/{name}"

# nginx knows some paths by itself.
site = (pathlib.Path(__file__).parents[2] / "nginx/parley.conf.in").read_text()


def nginx_map(variable):
    block = re.search(r"map [^{]*\$" + variable + r" {\n(.*?)\n}", site, re.S).group(1)
    for line in block.splitlines():
        key, value = re.fullmatch(r'\s*("[^"]*"|\S+) (.*);', line.split(" #")[0]).groups()
        yield key.strip('"'), value.strip('"')


def look_up(variable, text):
    value = ""
    for key, result in nginx_map(variable):
        if text == key or key.startswith("~") and re.search(key[1:], text):
            return result
        if key == "default":
            value = result
    return value


for path, item in document["paths"].items():
    sample = re.sub(r"{\w+}", "x", path)
    allowed = [name.upper() for name in item]
    if "GET" in allowed:
        allowed.append("HEAD")
    listed = look_up("parley_allow", sample)
    if set(listed.split(", ")) != set(allowed):
        wrong.append(f"nginx allows {listed} at {path}, the contract {allowed}")
    for method, operation in item.items():
        limit = look_up("parley_limit", f"person {method.upper()} {sample}")
        described = operation["responses"].get("429", {})
        if limit and not described:
            wrong.append(f"nginx limits {method} {path}, and no 429 is described")
        if not limit and "network address" in described.get("description", ""):
            wrong.append(f"{method} {path} is described as limited, and nginx does not limit it")

assert not wrong, "\n".join(wrong)
print("the document is valid")
