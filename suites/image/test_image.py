"""What is in the images, and what they say of themselves."""

import json
import os
import pathlib
import re
import stat
import subprocess
import unittest

from sandbox import BINARY

EMPTY = "localhost/tokenwheel-suite:empty"
GITLAB = "localhost/tokenwheel-suite:gitlab"


def inspect(image):
    return json.loads(subprocess.run(["podman", "image", "inspect", image], capture_output=True, check=True).stdout)[0]


def files(image):
    """Every path in an image, with what it is."""
    root = pathlib.Path(
        subprocess.run(["podman", "image", "mount", image], capture_output=True, text=True, check=True).stdout.strip()
    )
    try:
        return {f"/{path.relative_to(root)}": (path.lstat(), read(path)) for path in root.rglob("*")}
    finally:
        subprocess.run(["podman", "image", "unmount", image], capture_output=True, check=True)


def read(path):
    if path.is_symlink():
        return os.readlink(path)
    return path.read_bytes() if path.is_file() else None


class Agreed(unittest.TestCase):
    """The Dockerfile repeats what is said elsewhere."""

    def test_the_versions_are_those_of_the_toolchain_and_of_the_manifest(self):
        dockerfile = pathlib.Path("Dockerfile").read_text(encoding="utf-8")
        toolchain = pathlib.Path("rust-toolchain.toml").read_text(encoding="utf-8")
        manifest = pathlib.Path("Cargo.toml").read_text(encoding="utf-8")
        channel = re.search('^channel = "(.+)"', toolchain, re.M)[1]
        version = re.search(r'^\[workspace.package\]\nversion = "(.+)"', manifest, re.M)[1]
        self.assertEqual(re.search("^ARG RUST_VERSION=(.+)", dockerfile, re.M)[1], channel)
        self.assertEqual(re.search("^ARG VERSION=(.+)", dockerfile, re.M)[1], version)

    def test_the_stages_that_compile_end_as_those_that_were_tried_here(self):
        text = pathlib.Path("Dockerfile").read_text(encoding="utf-8")
        last = {
            re.search(r"^FROM \S+ AS (\S+)", stage)[1]: stage.strip().splitlines()
            for stage in re.split(r"^(?=FROM )", text, flags=re.M)[1:]
        }
        for given, compiled in (("given", "tokenwheel"), ("given-gitlab", "gitlab")):
            self.assertEqual(last[given][0].split()[1], last[compiled][0].split()[1])
            self.assertEqual(last[given][-1], last[compiled][-1])
        # Who names no stage gets the empty image.
        self.assertEqual(list(last)[-1], "tokenwheel")


class Made(unittest.TestCase):
    def test_the_same_files_give_the_same_image(self):
        for image in (EMPTY, GITLAB):
            self.assertEqual(inspect(image)["Digest"], inspect(f"{image}-again")["Digest"])
            self.assertEqual(inspect(image)["Id"], inspect(f"{image}-again")["Id"])

    def test_the_empty_one_holds_the_binary_and_the_roots_and_nothing_else(self):
        inside = files(EMPTY)
        regular = {path for path, (status, _) in inside.items() if not stat.S_ISDIR(status.st_mode)}
        self.assertEqual(regular, {"/usr/local/bin/tokenwheel", "/etc/ssl/certs/ca-certificates.crt"})
        self.assertEqual(inside["/usr/local/bin/tokenwheel"][1], pathlib.Path(BINARY).read_bytes())
        self.assertGreater(inside["/etc/ssl/certs/ca-certificates.crt"][1].count(b"BEGIN CERTIFICATE"), 100)

    def test_the_other_one_has_a_shell_besides_and_a_place_for_its_files(self):
        inside = files(GITLAB)
        more = {path for path, (status, _) in inside.items() if stat.S_ISREG(status.st_mode)} - set(files(EMPTY))
        self.assertEqual(more, {"/bin/busybox"})
        for applet in ("sh", "cat", "mkdir", "rm", "tar", "mktemp"):
            self.assertEqual(inside[f"/bin/{applet}"][1], "busybox")
        self.assertEqual(stat.S_IMODE(inside["/tmp"][0].st_mode), 0o1777)

    def test_nothing_in_them_can_be_written_by_their_user_or_raises_it(self):
        for image in (EMPTY, GITLAB):
            for path, (status, _) in files(image).items():
                self.assertEqual(status.st_uid, 0, path)
                if path != "/tmp" and not stat.S_ISLNK(status.st_mode):
                    self.assertFalse(status.st_mode & (stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), path)

    def test_they_run_as_nobody_from_an_absolute_path(self):
        for image, entrypoint, command in (
            (EMPTY, ["/usr/local/bin/tokenwheel"], None),
            # A runner of GitLab's starts `sh` in it.
            (GITLAB, None, ["/bin/sh"]),
        ):
            config = inspect(image)["Config"]
            self.assertEqual(config["User"], "65532:65532")
            self.assertEqual(config.get("Entrypoint"), entrypoint)
            self.assertEqual(config.get("Cmd"), command)
            self.assertEqual(config["WorkingDir"], "/repo")
            self.assertNotIn("Volumes", config)

    def test_they_say_what_they_are(self):
        for image in (EMPTY, GITLAB):
            labels = {
                name.removeprefix("org.opencontainers.image."): value
                for name, value in inspect(image)["Config"]["Labels"].items()
            }
            self.assertEqual(labels["source"], "https://github.com/tokenwheel/tokenwheel")
            self.assertEqual(labels["licenses"], "Apache-2.0")
            shown = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout
            self.assertEqual(shown, f"tokenwheel {labels['version']}\n")
            for name in ("title", "description", "url", "documentation"):
                self.assertTrue(labels[name], name)
