"""The files that cloud-init writes for network configs: a case a text of JSON in CASES (tests/python/), an answer a line.

A case is an object: `form` (network_data, v1, v2, eni), `data` (the config; of eni a text), `macs` (MAC address to name: the NICs). The answer is an object: `error`,
or for each renderer an object of paths and texts, or the error of that renderer.
"""
import json
import logging
import sys
import types


class ConfigObj:
    """As much of it as the one file needs that is written with it."""

    def __init__(self, *_, **__):
        self.main = self.found = {}

    sections = property(lambda self: list(self.found))

    def __len__(self):
        return len(self.found)

    def write(self):
        for name, keys in self.found.items():
            yield "[%s]" % name
            yield from ("%s = %s" % pair for pair in keys.items())


sys.modules.setdefault("configobj", types.SimpleNamespace(ConfigObj=ConfigObj))

from cloudinit import util
from cloudinit.distros import debian, rhel
from cloudinit.net import eni, netplan, network_manager, network_state, networkd, sysconfig
from cloudinit.sources.helpers import openstack

logging.disable(logging.CRITICAL)
# A text for a log that nobody reads, and most of the time that a case takes.
network_state.NetworkStateInterpreter.dump_network_state = lambda _: ""
FILES = {}
MACS = {}
util.ensure_dir = lambda *_, **__: None
util.chownbyname = lambda *_, **__: None
util.write_file = lambda path, text, *_, **__: FILES.__setitem__(path[len("/nowhere"):], text)
network_state.get_interfaces_by_mac = lambda: MACS
network_state.find_interface_name_from_mac = lambda mac: MACS.get(mac.lower())
RENDERERS = {
    "eni": (eni.Renderer, debian.Distro.renderer_configs["eni"]),
    "sysconfig": (sysconfig.Renderer, rhel.Distro.renderer_configs["sysconfig"]),
    # As net-convert has it, but for an MTU of IPv6 alone, which not every netplan reads.
    "netplan": (netplan.Renderer, {"features": [], "clean_default": False}),
    "network-manager": (network_manager.Renderer, {}),
    "networkd": (networkd.Renderer, {}),
}


def answer(case):
    MACS.clear()
    MACS.update(case["macs"])
    answers = {}
    for name, (renderer, config) in RENDERERS.items():
        FILES.clear()
        try:
            data = json.loads(json.dumps(case["data"]))
            if case["form"] == "network_data":
                data = openstack.convert_net_json(data, known_macs=MACS)
            elif case["form"] == "eni":
                data = eni.convert_eni_data(data)
            writer = renderer(config=config)
            state = network_state.parse_net_config_data(data, renderer=writer)
            writer.render_network_state(state, target="/nowhere")
            answers[name] = dict(FILES)
        except Exception as error:
            answers[name] = "%s: %s" % (type(error).__name__, error)
    return answers


for raw in CASES:  # noqa: F821
    print(json.dumps(answer(json.loads(raw))))
