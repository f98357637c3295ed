"""Uses /tmp as libraries do; the answer is the files that a call finds there."""

import os
import pathlib
import shutil
import tempfile
import zipfile

with open("/tmp/loaded", "w") as f:
    f.write("by the image")


def handle(request):
    found = sorted(os.listdir("/tmp"))
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "a").mkdir()
    (folder / "a" / "b.txt").write_text("ż", "utf-8")
    assert list(folder.glob("**/*.txt")) == list(folder.rglob("b.*")) == [folder / "a" / "b.txt"]
    assert [(root, dirs, files) for root, dirs, files in os.walk(folder)][1][2] == ["b.txt"]
    with zipfile.ZipFile(folder / "x.zip", "w") as z:
        z.write(folder / "a" / "b.txt", "b.txt")
    shutil.unpack_archive(folder / "x.zip", folder / "out")
    assert (folder / "out" / "b.txt").read_bytes() == "ż".encode()
    shutil.copytree(folder / "a", folder / "c")
    shutil.move(folder / "c", folder / "d")
    with tempfile.NamedTemporaryFile("w+") as f:
        f.write("kept")
        f.flush()
        assert open(f.name).read() == "kept"
    with tempfile.TemporaryDirectory() as other, tempfile.SpooledTemporaryFile(max_size=1) as f:
        f.write(b"rolled over")
        f.seek(0)
        assert f.read() == b"rolled over" and os.path.isdir(other)
    assert not os.path.exists(other) and open("/tmp/loaded").read() == "by the image"
    return found
