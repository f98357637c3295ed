import builtins
import io
import os
import pathlib
import shutil
import tempfile
import unittest
import zipfile

from serai import _tmp


class Temporary(unittest.TestCase):
    """Files below /tmp in memory; nothing here touches the machine's own."""

    @classmethod
    def setUpClass(cls):
        names = {*_tmp._BY_PATH, *_tmp._BY_DESCRIPTOR}
        before = {name: getattr(os, name) for name in names}, builtins.open, shutil._use_fd_functions, tempfile.tempdir

        def restore():
            for name, real in before[0].items():
                setattr(os, name, real)
            builtins.open = io.open = before[1]
            shutil._use_fd_functions, tempfile.tempdir = before[2:]
            _tmp._nodes.clear()
            _tmp._nodes[_tmp.ROOT] = None

        cls.addClassCleanup(restore)
        _tmp.install()

    def test_open(self):
        with open("/tmp/a.txt", "w", encoding="utf-8") as f:
            f.write("ż\n")
        with open("/tmp/a.txt", "ab") as f:
            f.write(b"2\n")
        self.assertEqual(pathlib.Path("/tmp/x/../a.txt").read_text("utf-8"), "ż\n2\n")
        with open("/tmp/a.txt", "r+b") as f:
            f.seek(10)
            f.write(b"!")
            f.truncate()
        self.assertEqual((os.path.getsize("/tmp/a.txt"), open("/tmp/a.txt", "rb").read()[-6:]), (11, b"\0\0\0\0\0!"))
        with self.assertRaises(FileExistsError):
            open("/tmp/a.txt", "x")
        for path, kind in ("/tmp/none", FileNotFoundError), ("/tmp", IsADirectoryError), ("/tmp/none/x", FileNotFoundError):
            with self.assertRaises(kind):
                open(path, "r" if path == "/tmp/none" else "w")
        with open("/tmp/a.txt") as f, self.assertRaises(io.UnsupportedOperation):
            f.write("x")
        with open(os.__file__) as f:
            self.assertIn("def ", f.read())
        self.assertFalse(os.path.exists("/tmpx"))

    def test_folders(self):
        os.makedirs("/tmp/d/e")
        pathlib.Path("/tmp/d/e/f").write_bytes(b"1")
        os.replace("/tmp/d/e/f", "/tmp/d/g")
        self.assertEqual((sorted(os.listdir("/tmp/d")), os.path.isdir("/tmp/d/e"), os.path.isfile("/tmp/d/g")), (["e", "g"], True, True))
        self.assertEqual([(e.name, e.is_dir()) for e in sorted(os.scandir("/tmp/d"), key=lambda e: e.name)], [("e", True), ("g", False)])
        self.assertEqual(list(os.walk("/tmp/d")), [("/tmp/d", ["e"], ["g"]), ("/tmp/d/e", [], [])])
        with self.assertRaises(OSError):
            os.rmdir("/tmp/d")
        with self.assertRaises(OSError):
            os.rename("/tmp/d", "/elsewhere")
        shutil.copy("/tmp/d/g", "/tmp/d/h")
        os.rename("/tmp/d", "/tmp/moved")
        self.assertEqual(pathlib.Path("/tmp/moved/h").read_bytes(), b"1")
        shutil.rmtree("/tmp/moved")
        self.assertFalse(os.path.exists("/tmp/moved"))

    def test_tempfile(self):
        with tempfile.NamedTemporaryFile("w+", suffix=".txt") as f:
            f.write("text")
            f.flush()
            self.assertEqual(open(f.name).read(), "text")
        self.assertFalse(os.path.exists(f.name))
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(folder + "/a.zip", "w") as z:
                z.writestr("x", "y")
            self.assertTrue(zipfile.is_zipfile(folder + "/a.zip"))
        self.assertFalse(os.path.exists(folder))
        with tempfile.TemporaryFile() as f:
            f.write(b"x")
            f.seek(0)
            self.assertEqual(f.read(), b"x")
        descriptor, path = tempfile.mkstemp()
        os.write(descriptor, b"abc")
        os.lseek(descriptor, 1, os.SEEK_SET)
        self.assertEqual((os.read(descriptor, 5), os.fstat(descriptor).st_size), (b"bc", 3))
        os.close(descriptor)
        with self.assertRaises(OSError):
            os.write(descriptor, b"x")
        os.remove(path)


if __name__ == "__main__":
    unittest.main()
