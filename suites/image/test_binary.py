"""The static binary alone: what it is made of, where it runs, whom it trusts."""

import os
import pathlib
import shutil
import ssl
import subprocess
import unittest

from sandbox import BINARY, NOBODY, ROTATE, Case, run

LIMIT = 8_000_000
UNKNOWN_CA = "its certificate is of a CA that is not known here"


class Made(unittest.TestCase):
    def test_it_asks_for_no_library_and_no_loader(self):
        told = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=False)
        self.assertRegex(told.stdout + told.stderr, "statically linked|not a dynamic executable")
        headers = subprocess.run(
            ["readelf", "--wide", "--program-headers", "--dynamic", BINARY], capture_output=True, text=True, check=True
        ).stdout
        self.assertNotIn("INTERP", headers)
        self.assertNotIn("NEEDED", headers)

    def test_its_addresses_are_still_laid_out_at_random(self):
        headers = subprocess.run(["readelf", "--file-header", BINARY], capture_output=True, text=True, check=True).stdout
        self.assertRegex(headers, r"Type:\s+DYN")

    def test_it_is_smaller_than_the_limit(self):
        size = os.stat(BINARY).st_size
        print(f"image: the static binary has {size} of {LIMIT} bytes")
        self.assertLess(size, LIMIT)

    def test_it_holds_the_roots_of_the_public_web(self):
        content = pathlib.Path(BINARY).read_bytes()
        for name in ("ISRG_Root_X1", "DigiCert_Global_Root_G2"):
            pem = pathlib.Path(f"/usr/share/ca-certificates/mozilla/{name}.crt").read_text(encoding="ascii")
            self.assertIn(ssl.PEM_cert_to_DER_cert(pem), content, name)

    def test_it_tells_nothing_of_where_it_was_built(self):
        content = pathlib.Path(BINARY).read_bytes()
        for path in (str(pathlib.Path.cwd()), str(pathlib.Path.home() / ".cargo")):
            self.assertNotIn(path.encode(), content)

    def test_it_starts_at_once(self):
        took = sorted(run([BINARY, "--version"], env={}).took for _ in range(20))
        print(f"image: it starts and ends in {took[10] * 1000:.1f} ms (middle of twenty)")


class Empty(Case):
    """In a root folder that holds the binary, a config and nothing else."""

    def setUp(self):
        super().setUp()
        shutil.copy(BINARY, self.folder / "tokenwheel")

    def chroot(self, *arguments, **environment):
        environment = {"GITLAB_REFRESHER": self.login, **environment}
        command = [shutil.which("chroot"), f"--userspec={NOBODY}:{NOBODY}", str(self.folder), "/tokenwheel", *arguments]
        return run(command, env=environment)

    def test_the_demo_turns(self):
        ran = self.chroot("demo")
        self.assertEqual(ran.code, 0, ran.told)

    def test_it_rotates(self):
        ran = self.chroot(*ROTATE)
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)

    def test_names_are_looked_up_in_its_own_list_of_hosts(self):
        (self.folder / "etc").mkdir()
        (self.folder / "etc/hosts").write_text("127.0.0.1 gitlab.example.com\n", encoding="ascii")
        proxy = self.proxy(certificate=self.certificate())
        self.write(f"https://gitlab.example.com:{proxy.server_port}")
        ran = self.chroot(*ROTATE, SSL_CERT_FILE="/ca.pem")
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)

    def test_a_private_ca_is_turned_away_and_the_job_s_own_is_trusted(self):
        proxy = self.proxy(certificate=self.certificate())
        self.write(f"https://127.0.0.1:{proxy.server_port}")
        ran = self.chroot(*ROTATE)
        self.assertIn(UNKNOWN_CA, ran.told)
        self.assertEqual(self.held(), self.old)
        ran = self.chroot(*ROTATE, CI_SERVER_TLS_CA_FILE="/ca.pem", CI_SERVER_HOST="127.0.0.1")
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)

    def test_the_roots_that_are_named_are_trusted(self):
        proxy = self.proxy(certificate=self.certificate())
        self.write(f"https://127.0.0.1:{proxy.server_port}")
        ran = self.chroot(*ROTATE, SSL_CERT_FILE="/ca.pem")
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)

    def test_roots_that_are_named_and_cannot_be_read_are_an_error(self):
        for names in ({"SSL_CERT_FILE": "/not/there.pem"}, {"SSL_CERT_FILE": "/tokenwheel.yml"}, {"SSL_CERT_DIR": "/"}):
            ran = self.chroot(*ROTATE, **names)
            self.assertEqual(ran.code, 2, ran.told)
            self.assertIn("nothing was attempted", ran.told)
            self.assertIn(next(iter(names)), ran.told)
        self.assertEqual(self.held(), self.old)
