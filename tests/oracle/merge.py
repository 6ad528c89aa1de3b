"""Merges the parts of each case (a line of JSON on stdin) with cloud-init's own merger.

A case is a list of parts, a part an object: `text` is its document, `header` its Merge-Type header. The
answer is a line of JSON: which parts failed, and the result.
"""
import json
import sys

from cloudinit import mergers

PARTS = "dict(replace)+list()+str()"


def merged(parts):
    result, failed = {}, []
    for part in parts:
        try:
            document = json.loads(part["text"])
            how = mergers.dict_extract_mergers(document)
            how += mergers.string_extract_mergers(part["header"])
            how = how or mergers.string_extract_mergers(PARTS)
            result = mergers.construct(how).merge(result, document)
            failed.append(False)
        except Exception:
            failed.append(True)
    return {"failed": failed, "result": result}


for line in sys.stdin:
    print(json.dumps(merged(json.loads(line)), ensure_ascii=False, separators=(",", ":")))
