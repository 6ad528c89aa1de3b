"""Renders the template of each case (a line of JSON on stdin) with cloud-init's own function.

A case is an object: `template`, with its first line, and `data`, the instance data as JSON text. The answer is
a line of JSON: `text`, or `error` with the exception's name.
"""
import json
import logging
import sys

from cloudinit.handlers import jinja_template

logging.disable(logging.CRITICAL)


def rendered(case):
    try:
        text = jinja_template.render_jinja_payload(case["template"], "part", json.loads(case["data"]))
    except Exception as error:
        return {"error": type(error).__name__}
    # What cloud-init leaves out, with a warning, is None.
    return {"error": "ignored"} if text is None else {"text": text}


for line in sys.stdin:
    print(json.dumps(rendered(json.loads(line)), separators=(",", ":")))
