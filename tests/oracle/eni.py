"""Reads interfaces files with cloud-init's own parser, and compares them with what wisp made of them.

Runs behind tests/python's reader of cases, which come in pairs: a text, and wisp's answer, JSON or `!LINE what was expected`. It
prints a line for each: `same`, `both refuse` or `differ WHY`, with the names of the excuses that were needed; and a dash.

cloud-init's function splits lines at single blanks, knows no continued lines, takes the last of repeated options and
their first words, refuses a second definition, and reads `iface NAME inherits PARENT` as a family and a method. So it is not
given such texts: each is first put into the form that it can read, by the rules of interfaces(5), in a few lines that share nothing
with wisp. What cannot be put so is an excuse, looked for in the line itself.
"""
import json
import re
import sys

sys.path.insert(0, MODULES)  # noqa: F821
from cloudinit.net import ParserError, eni

BLANK = " \t\r\v\f"
STANZA = re.compile(r"(auto|iface|mapping|source|source-directory|source-dir|rename|template|no-auto-down|no-scripts|allow-.+)$")
COMMANDS = eni.NET_CONFIG_COMMANDS


def lines_of(text, excuses):
    """Logical lines, each with the number of its first one."""
    physical = text.split("\n")
    number, lines = 0, []
    while number < len(physical):
        first, line = number + 1, physical[number]
        if not line.lstrip(BLANK).startswith("#"):
            while re.search(r"\\\r?$", line):
                excuses.add("continued line")
                number += 1
                following = physical[number] if number < len(physical) else ""
                line = re.sub(r"\\\r?$", "", line) + following
                if re.search(r"\\\r?$", line) and not re.search(r"\\\r?$", following):
                    # ifupdown looks at the joined line, and goes on; for wisp this `\\` is text.
                    excuses.add("two backslashes before an empty line")
                    break
        number += 1
        line = line.strip(BLANK)
        if line and not line.startswith("#") or first != number and line:
            lines.append((first, line))
    return lines


def halves(line):
    parts = re.split("[%s]+" % BLANK, line, maxsplit=1)
    return parts[0], parts[1] if len(parts) > 1 else ""


def words(text):
    return [word for word in re.split("[%s]+" % BLANK, text) if word]


def canonical(text, excuses):
    """The text as cloud-init can read it; the first line that is wrong, and why, if one is."""
    out, defined, wrong, inside = [], {}, None, None
    for number, line in lines_of(text, excuses):
        first, rest = halves(line)
        if re.search("[\t\v\f]|  ", line):
            excuses.add("blanks")
        keyword = STANZA.match(first)
        if first == "auto" and not rest and inside == "iface":
            keyword = None
        if keyword:
            inside = {"iface": "iface", "template": "iface", "mapping": "mapping"}.get(first)
            has_script = False
            if first in ("iface", "template"):
                named = words(rest)
                if not named:
                    return out, (number, "name of an interface"), defined
                name, named = named[0], named[1:]
                head, extra = named[:2], named[2:]
                if "inherits" in named[:3]:
                    at = named.index("inherits")
                    if at + 1 == len(named):
                        return out, (number, "name behind `inherits`"), defined
                    head, extra = named[:at], named[at + 2:]
                    excuses.add("inherits")
                elif len(named) == 1:
                    return out, (number, "method behind the family"), defined
                if not head and "inherits" not in named[:3]:
                    excuses.add("no family")
                if extra:
                    excuses.add("words behind the method")
                while len(head) < 2:
                    head.append("?")
                count = defined[name] = defined.get(name, 0) + 1
                if count > 1:
                    excuses.add("second definition")
                if first == "template":
                    excuses.add("template")
                out.append("iface %s%s %s %s" % (name, "" if count == 1 else "\x02%d" % count, *head))
                continue
            if first == "mapping":
                excuses.add("mapping")
                for name in words(rest):
                    defined[name] = defined.get(name, 0) + 1
                continue
            if first.startswith("source") and not rest:
                return out, (number, "a path"), defined
            if first == "allow-auto":
                excuses.add("allow-auto")
                first = "auto"
            if first == "auto" and rest:
                out.append(" ".join([first] + words(rest)))
            continue
        if inside is None:
            return out, (number, "a stanza"), defined
        if inside == "mapping":
            if first not in ("script", "map"):
                return out, (number, "`script` or `map`"), defined
            if first == "script" and has_script:
                return out, (number, "one `script`"), defined
            has_script |= first == "script"
            continue
        if not rest and first != "auto":
            return out, (number, "a value"), defined
        if first == "auto" and not rest:
            excuses.add("lone auto")
            out.append("auto %s" % re.sub("\x02.*", "", [l for l in out if l.startswith("iface ")][-1].split(" ")[1]))
            continue
        if first == "dns-nameserver":
            excuses.add("dns-nameserver")
            first = "dns-nameservers"
        out.append("%s %s" % (first, rest.replace("\r", " ") if first in COMMANDS else " ".join(words(rest))))
    return out, wrong, defined


def last_first(value, excuses):
    """The last of repeated values, and of that the first word: what cloud-init keeps."""
    if isinstance(value, list):
        excuses.add("repeated option")
        value = value[-1]
    if len(words(value)) != 1:
        excuses.add("several words")
    return words(value)[0] if words(value) else value


def definition(ours, theirs, excuses):
    """What is wrong between one definition of ours and one entry of theirs."""
    for key, value in theirs.items():
        if key in ("_source_path", "auto"):
            continue
        mine = ours.get(key)
        if key in ("family", "method"):
            mine = mine or "?"
        elif key in COMMANDS:
            pass
        elif key == "dns":
            mine = dict(mine or {})
            for other in set(mine) - {"search", "nameservers"}:
                del mine[other]
            for name, servers in value.items():
                if mine.get(name) != servers and mine.get(name, [])[-len(servers):] == servers:
                    excuses.add("repeated option")
                    mine[name] = servers
        elif key in ("bridge", "bond"):
            mine = dict(mine or {})
            for name in set(mine) - set(value):
                # Theirs knows some of bridge-utils' options only.
                if key == "bond":
                    return "bond %s" % name
                excuses.add("bridge option unknown to cloud-init")
                del mine[name]
            for name, text in value.items():
                if name == "ports":
                    if mine.get(name) != text and mine.get(name, [])[-len(text):] == text:
                        excuses.add("repeated option")
                        mine[name] = text
                elif name in ("pathcost", "portprio"):
                    mine[name] = {port: last_first(cost, excuses) for port, cost in mine.get(name, {}).items()}
                elif name in mine and name != "mac":
                    mine[name] = last_first(mine[name], excuses)
        elif mine is not None:
            mine = last_first(mine, excuses)
        if mine != value:
            return "%s: %r, cloud-init %r" % (key, mine, value)
    known = set(eni.NET_CONFIG_OPTIONS) | set(COMMANDS) | {"hwaddress", "dns", "bridge", "bond"}
    for key in ours:
        if key in known and key not in theirs:
            return "%s is not cloud-init's" % key
        if key not in known and not key.startswith("_") and key not in ("auto", "family", "method", "more"):
            excuses.add("option unknown to cloud-init")
    return None


# Lines that cloud-init dies of, with an IndexError; wisp takes the words there are.
FEW_WORDS = re.compile(r"(hwaddress ether|bridge_hw mac|bridge_(pathcost|portprio) \S+)$", re.I)


def compare(case, excuses):
    text = case["text"]
    if text.startswith("\ufeff"):
        text = text[1:]
    out, wrong, defined = canonical(text, excuses)
    if "refused" in case:
        line, expected = case["refused"]
        if wrong is None:
            return "differ wisp refuses line %d: %s" % (line, expected)
        if wrong[1] not in expected or not wrong[0] <= line <= wrong[0] + 3:
            return "differ wisp refuses line %d (%s), and the fault is %r" % (line, expected, wrong)
    elif wrong is not None:
        return "differ wisp reads it, and line %d wants %s" % wrong
    theirs = {}
    try:
        if wrong is not None:
            eni._parse_deb_config_data({}, text, "/nonexistent", None)
            excuses.add("only wisp refuses: " + wrong[1])
            return "same"
        eni._parse_deb_config_data(theirs, "\n".join(out), "/nonexistent", None)
    except IndexError:
        if wrong is None and any(FEW_WORDS.match(line) for line in out):
            excuses.add("too few words")
            return "same"
        return "both refuse" if wrong is not None else "differ cloud-init: IndexError"
    except (ParserError, KeyError, ValueError) as fault:
        return "both refuse" if wrong is not None else "differ cloud-init: %r" % fault
    ours = case["read"]
    for name, entry in theirs.items():
        name, _, number = name.partition("\x02")
        if name not in ours:
            return "differ no %s" % name
        mine = ([ours[name]] + ours[name].get("more", []))[int(number or 1) - 1]
        if not number and ours[name]["auto"] != entry["auto"]:
            return "differ auto of %s" % name
        fault = definition(mine, entry, excuses)
        if fault:
            return "differ %s: %s" % (name, fault)
    for name in set(ours) - set(theirs):
        if not (set(ours[name]) & {"allow", "rename", "no-auto-down", "no-scripts", "mapping"}):
            return "differ %s is not cloud-init's" % name
        excuses.add("only named by what cloud-init passes over")
    return "same"


def without_returns(value):
    """A carriage return inside a text is a line's end for cloud-init: both see a blank there."""
    if isinstance(value, dict):
        return {without_returns(key): without_returns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_returns(item) for item in value]
    return value.replace("\r", " ") if isinstance(value, str) else value


for raw, answer in zip(CASES[::2], CASES[1::2]):  # noqa: F821
    excuses = set()
    answer = answer.decode()
    try:
        case = {"text": raw.decode()}
    except UnicodeDecodeError:
        print("both refuse" if answer.startswith("!") else "differ no UTF-8")
        print("-")
        continue
    if answer.startswith("!"):
        number, expected = answer[1:].split(" ", 1)
        case["refused"] = [int(number), expected]
    else:
        case["read"] = without_returns(json.loads(answer))
    print("|".join([compare(case, excuses)] + sorted(excuses)).replace("\n", " ").replace("\r", " "))
    print("-")
