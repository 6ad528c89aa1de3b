"""What cloud-init makes of network configs: a case a text of JSON in CASES (tests/python/), an answer a line.

A case is an object: `form` (network_data, v1, v2), `data` (the config), `macs` (MAC address to name: the NICs). The answer is
an object: `error`, or `facts`, sorted texts that say what the config means. tests/network_differential.rs makes the same of wisp's model.
"""
import ipaddress
import json
import logging
import sys
import types

# cloud-init's readers do not need it, a parser of files that they import does.
sys.modules.setdefault("configobj", types.SimpleNamespace(ConfigObj=object))

from cloudinit.net import network_state
from cloudinit.sources.helpers import openstack

logging.disable(logging.CRITICAL)
# A text for a log that nobody reads, and most of the time that a case takes.
network_state.NetworkStateInterpreter.dump_network_state = lambda _: ""

TYPES = {"dhcp": "dhcp4", "static6": "static"}
PLAIN = {
    "name", "type", "mac_address", "inet", "mode", "mtu", "address", "gateway", "subnets", "accept-ra", "wakeonlan",
    "bond-slaves", "bond-master", "bridge_ports", "vlan_id", "vlan-raw-device", "dns", "driver", "device_id",
}


def ip(text):
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return "bad %s" % text


def word(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    if isinstance(value, dict):
        return ",".join("%s %s" % pair for pair in value.items())
    return str(value)


def route_facts(name, route):
    to = "%s/%s" % (ip(route["network"]), route["prefix"])
    yield "%s route %s via %s" % (name, to, ip(route["gateway"]) if "gateway" in route else "-")
    if "metric" in route:
        yield "%s route %s metric %s" % (name, to, route["metric"])


def subnet_facts(name, at, subnet, version):
    kind = TYPES.get(subnet["type"], subnet["type"])
    where = "%s subnet %d" % (name, at)
    address = "%s/%s" % (ip(subnet["address"]), subnet["prefix"]) if kind == "static" else ""
    yield "%s %s %s" % (where, kind, address)
    for key in ("metric", "scope", "control", "mtu"):
        if subnet.get(key) and subnet[key] != "auto":
            yield "%s %s %s" % (where, key, subnet[key])
    for key in ("gateway", "broadcast", "pointopoint"):
        if subnet.get(key):
            yield "%s %s %s" % (where, key, ip(subnet[key]))
    for route in subnet.get("routes", []):
        yield from route_facts(name if version == 2 else where, route)
    if version == 1:
        yield from dns_facts(where, subnet.get("dns_nameservers", []), subnet.get("dns_search", []))


def dns_facts(where, servers, search):
    for at, server in enumerate(dict.fromkeys(map(ip, servers))):
        yield "%s dns %d %s" % (where, at, server)
    for at, domain in enumerate(dict.fromkeys(search)):
        yield "%s search %d %s" % (where, at, domain)


def link_facts(iface, version):
    name, kind = iface["name"], iface["type"]
    if kind is None or kind == "infiniband" or (kind == "bond" and "bond-slaves" not in iface):
        kind = "physical"
    yield "%s is %s" % (name, kind)
    # 22.4 leaves a bridge's own address to ifupdown, which has another word for it.
    mac = iface.get("mac_address") or iface.get("bridge_hw")
    if mac:
        yield "%s mac %s" % (name, mac.lower())
    for key in ("mtu", "accept-ra", "wakeonlan"):
        if iface.get(key) is not None:
            yield "%s %s %s" % (name, key, word(iface[key]))
    if "vlan_id" in iface:
        yield "%s vlan %s on %s" % (name, iface["vlan_id"], iface["vlan-raw-device"])
    if "bond-master" in iface:
        yield "%s in %s" % (name, iface["bond-master"])
    for port in iface.get("bridge_ports") or []:
        yield "%s in %s" % (port, name)
    if "driver" in iface:
        yield "%s driver %s" % (name, iface["driver"])
    for key, value in iface.items():
        if key not in PLAIN and "bond-master" not in iface:
            if key in ("bridge_pathcost", "bridge_portprio", "bridge_waitport"):
                value = dict(sorted(value.items())) if isinstance(value, dict) else sorted(value)
            key = key.replace("bond-", "").replace("bond_", "").replace("bridge_", "").replace("-", "_")
            yield "%s set %s %s" % (name, key, word(value))
    for at, subnet in enumerate(iface["subnets"]):
        yield from subnet_facts(name, at, subnet, version)
    dns = iface.get("dns", {})
    yield from dns_facts(name, dns.get("nameservers", dns.get("addresses", [])), dns.get("search", []))


def facts(case):
    macs = case["macs"]
    network_state.get_interfaces_by_mac = lambda: macs
    network_state.find_interface_name_from_mac = lambda mac: macs.get(mac.lower())
    openstack.net.get_ib_hwaddrs_by_interface = lambda: {}
    config = case["data"]
    if case["form"] == "network_data":
        config = openstack.convert_net_json(config, known_macs=macs)
    state = network_state.parse_net_config_data(config, skip_broken=False)
    version = config["version"]
    for iface in state.iter_interfaces():
        yield from link_facts(iface, version)
    for route in state.iter_routes():
        yield from route_facts("-", route)
    if version == 1:
        yield from dns_facts("-", state.dns_nameservers, state.dns_searchdomains)


def answer(case):
    try:
        return {"facts": sorted(set(facts(case)))}
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}


for case in CASES:
    print(json.dumps(answer(json.loads(case)), separators=(",", ":")))
