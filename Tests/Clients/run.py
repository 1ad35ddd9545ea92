"""Runs scripts of this folder one after the other in one interpreter: loading a client takes longer than all it does.

usage: run.py SCRIPT...
"""

import pathlib
import runpy
import sys

for script in sys.argv[1:]:
    runpy.run_path(str(pathlib.Path(__file__).with_name(script)), run_name="__main__")
print("all as with OpenAI")
