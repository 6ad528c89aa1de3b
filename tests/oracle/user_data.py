"""Takes each case (a line of JSON on stdin) through cloud-init's own user-data processing, cloud-config handler and layers.

A case: `user`, `vendor`, `vendor2`: raw data as base64, or null; `index`: the instance's launch index or null; `cfg`, `default`: texts
of cloud.cfg and of the configuration below it. The answer: each cloud-config.txt as it reads, and `merged`, all of it; keys sorted, as cloud-init writes them.
"""
import base64
import json
import logging
import os
import shutil
import sys
import tempfile
from unittest import mock

# Not used here, and not everywhere installed.
for name in ("requests", "requests.exceptions", "jinja2"):
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = mock.MagicMock()

from cloudinit import handlers, helpers, util  # noqa: E402
from cloudinit.filters import launch_index  # noqa: E402
from cloudinit.handlers.cloud_config import CloudConfigPartHandler  # noqa: E402
from cloudinit.user_data import UserDataProcessor  # noqa: E402

logging.disable(logging.CRITICAL)
KINDS = {"user": "cloud_config", "vendor": "vendor_cloud_config", "vendor2": "vendor2_cloud_config"}


class Source:
    def get_instance_id(self):
        return "i-1"


def consume(paths, raw, name, index):
    message = UserDataProcessor(paths).process(raw)
    message = launch_index.Filter(util.safe_int(index)).apply(message)
    registered = helpers.ContentHandlers()
    registered.register(CloudConfigPartHandler(paths, cloud_config_path=name))
    seen = {"handlers": registered, "data": None, "frequency": "once-per-instance", "excluded": [], "handlercount": 0}
    mod = registered["text/cloud-config"]
    handlers.call_begin(mod, None, "once-per-instance")
    handlers.walk(message, handlers.walker_callback, data=seen)
    handlers.call_end(mod, None, "once-per-instance")


def answer(case, top):
    paths = helpers.Paths({"cloud_dir": top, "run_dir": top}, Source())
    instance = os.path.join(top, "instances", "i-1")
    os.makedirs(instance)
    os.symlink(instance, os.path.join(top, "instance"))
    result = {}
    for kind, name in KINDS.items():
        if case[kind] is not None:
            consume(paths, base64.b64decode(case[kind]), name, case["index"] if kind == "user" else None)
            result[kind] = util.load_yaml(util.load_file(paths.get_ipath(name)), default={}) or {}
        else:
            result[kind] = {}
    base = util.mergemanydict([util.load_yaml(case["cfg"], default={}), util.load_yaml(case["default"])])
    result["merged"] = helpers.ConfigMerger(paths=paths, datasource=None, base_cfg=base).cfg
    return result


for line in sys.stdin:
    directory = tempfile.mkdtemp()
    try:
        result = answer(json.loads(line), directory)
        print(json.dumps(result, ensure_ascii=False, separators=(",", ":"), sort_keys=True))
    finally:
        shutil.rmtree(directory)
