"""Whether what deploy/sbom prints is CycloneDX, and names all that the program is made of.

Environment: PROGRAM.
"""

import json
import os
import pathlib
import re
import subprocess

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

repository = pathlib.Path(__file__).resolve().parents[2]
# glibc and the compiler's own, which every program has; the debug program loads Swift's.
common = re.compile(
    r"/(libc|libm|ld-linux.*|libgcc_s|libstdc\+\+|libpthread|libdl)\.so|/swift/|/lib(swift|Foundation|_)")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


text = output(repository / "deploy/sbom")
fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
assert fault is None, fault
document = json.loads(text)
names = {part["name"] for part in document["components"]}

packages = re.findall(r'\.package\(url: "[^"]*/([^"/]+)"', (repository / "Package.swift").read_text())
assert len(packages) > 3 and set(packages) <= names, set(packages) - names

# What it links with: libcurl is loaded later.
wanted = {"libcurl4"}
for path in re.findall(r"=> (/\S+)", output("ldd", os.environ["PROGRAM"])):
    if not common.search(path):
        wanted.add(output("dpkg-query", "-S", os.path.realpath(path)).split(":")[0])
assert len(wanted) > 4 and wanted <= names, wanted - names
assert not any(part["scope"] == "required" for part in document["components"] if part["name"] == "FlyingFox")
print(f"{len(names)} components")
