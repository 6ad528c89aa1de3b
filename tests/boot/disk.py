"""Reads an ext4 image from outside, through debugfs: what a guest left, whatever it says about it."""
import collections
import pathlib
import stat
import subprocess
import tempfile

Entry = collections.namedtuple("Entry", "inode mode uid gid size")


class Disk:
    """All names on the image at once; contents when asked for."""

    def __init__(self, image):
        self.image = str(image)
        if not pathlib.Path(image).is_file():
            raise SystemExit(f"no disk image {image}")
        self.entries = {}
        self._content = {}
        self._walk()

    def _debugfs(self, commands):
        with tempfile.NamedTemporaryFile("w") as script:
            script.write("\n".join(commands) + "\n")
            script.flush()
            done = subprocess.run(["debugfs", "-f", script.name, self.image], capture_output=True, check=False)
        if b"while trying to open" in done.stderr:
            raise SystemExit(f"debugfs cannot read {self.image}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def _walk(self):
        """One debugfs a level of folders."""
        level = ["/"]
        while level:
            # debugfs repeats each command before its output; ls -p prints /INODE/MODE/UID/GID/NAME/SIZE/.
            below, folder = [], None
            names = iter(level)
            for line in self._debugfs([f'ls -p "{name}"' for name in level]).split(b"\n"):
                if line.startswith(b"debugfs: "):
                    folder = next(names)
                elif line.startswith(b"/"):
                    inode, mode, uid, gid, name, size = line.split(b"/")[1:7]
                    if name in (b".", b"..") or inode == b"0":
                        continue
                    path = folder.rstrip("/") + "/" + name.decode(errors="surrogateescape")
                    entry = Entry(int(inode), int(mode, 8), int(uid), int(gid), int(size or 0))
                    self.entries[path] = entry
                    if stat.S_ISDIR(entry.mode):
                        below.append(path)
            level = below

    def get(self, path):
        return self.entries.get(path)

    def kind(self, path):
        entry = self.get(path)
        if entry is None:
            return None
        kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
        return kinds.get(stat.S_IFMT(entry.mode), "node")

    def load(self, paths):
        """Reads these files, all with one debugfs."""
        wanted = [path for path in paths if path not in self._content and self.kind(path) == "file"]
        if not wanted:
            return
        with tempfile.TemporaryDirectory() as folder:
            self._debugfs([f'dump "{path}" {folder}/{number}' for number, path in enumerate(wanted)])
            for number, path in enumerate(wanted):
                self._content[path] = (pathlib.Path(folder) / str(number)).read_bytes()

    def read(self, path):
        """The content of a file, None where there is none."""
        self.load([path])
        return self._content.get(path)

    def link(self, path):
        """Where a symbolic link leads, None where there is none."""
        if self.kind(path) != "link":
            return None
        # A short target is in the inode, and stat shows it; a long one is the file's content.
        for line in self._debugfs([f'stat "{path}"']).decode(errors="replace").splitlines():
            if line.startswith("Fast link dest: "):
                return line.split('"')[1]
        return self._debugfs([f'cat "{path}"']).decode(errors="replace").split("\n", 1)[1]

    def under(self, folder):
        return [path for path in self.entries if path.startswith(folder.rstrip("/") + "/")]
