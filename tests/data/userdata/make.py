#!/usr/bin/env python3
"""Writes the MIME fixtures of this directory: what people's scripts around Python's email.mime make of a script,
a cloud-config and an upstart job. Run once, its output is kept; run again, it gives the same bytes."""
import base64
import gzip
import os
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

os.chdir(os.path.dirname(os.path.abspath(__file__)))

SCRIPT = "#!/bin/sh\necho hello\n"
CONFIG = "#cloud-config\n# größer: in UTF-8\nruncmd:\n- [echo, 'a: b']\n"
JOB = "#upstart-job\ndescription \"job\"\nexec /bin/true\n"
FILES = [("hello.sh", "x-shellscript", SCRIPT), ("init.cfg", "cloud-config", CONFIG), ("myjob", "upstart-job", JOB)]


def save(name, data):
    with open(name, "wb") as out:
        out.write(data)


def message(charset, boundary="===============0123456789=="):
    outer = MIMEMultipart(boundary=boundary)
    for name, subtype, text in FILES:
        part = MIMEText(text, subtype, charset)
        part.add_header("Content-Disposition", "attachment", filename=name)
        outer.attach(part)
    return outer


plain = message("utf-8").as_bytes()
save("mixed.mime", plain)
save("mixed.mime.gz", gzip.compress(plain, 9, mtime=0))
save("mixed.mime.b64", base64.encodebytes(plain))
save("mixed.mime.gz.b64", base64.encodebytes(gzip.compress(plain, 9, mtime=0)))

# Nested, with a gzip'd part, one without a name, an unknown type, and a quoted-printable one.
outer = MIMEMultipart(boundary="outer")
outer.attach(message("utf-8", "inner"))
packed = MIMEBase("application", "x-gzip")
packed.set_payload(base64.encodebytes(gzip.compress(b"#!/bin/sh\necho packed\n", 9, mtime=0)))
packed.add_header("Content-Transfer-Encoding", "base64")
packed.add_header("Content-Disposition", "attachment", filename="packed.sh")
outer.attach(packed)
unnamed = MIMEText("#!/bin/sh\necho unnamed\n", "plain", "us-ascii")
outer.attach(unnamed)
unknown = MIMEBase("application", "x-thing")
unknown.set_payload(b"AAEC\n")
unknown.add_header("Content-Transfer-Encoding", "base64")
unknown.add_header("Content-Disposition", "attachment", filename="größe/../thing")
outer.attach(unknown)
quoted = MIMEBase("text", "cloud-config")
quoted.set_payload("#cloud-config\nquoted: 'a=3Db =C3=A9'\nlong: one=\n two\n")
quoted.add_header("Content-Transfer-Encoding", "quoted-printable")
quoted.add_header("X-Merge-Type", "list(append)+dict(recurse_list)")
outer.attach(quoted)
save("nested.mime", outer.as_bytes())
