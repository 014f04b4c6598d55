"""Pack the four original MNIST files into the one file that the course reads.

    python data/pack_mnist.py FOLDER

FOLDER holds the originals, uncompressed, under their original names (see CHECKSUMS). They are
verified before anything is written. Packing the same files twice gives the same bytes.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np

CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def read_original(path):
    """Return the bytes of an original file, or raise ValueError if they are not the original's."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != CHECKSUMS[path.name]:
        raise ValueError(
            f"{path} is not the original MNIST file: "
            f"its sha256 is {found}, expected {CHECKSUMS[path.name]}"
        )
    return content


def pack(folder, output):
    """Write the originals in `folder` to `output`, a compressed .npz of four uint8 arrays.

    Images become (m, 784), labels (m,). An IDX header is 16 bytes for images, 8 for labels; the
    checksum has already settled what is in it.
    """
    originals = [read_original(Path(folder) / name) for name in CHECKSUMS]
    train_images, train_labels, test_images, test_labels = originals
    with open(output, "wb") as file:
        np.savez_compressed(
            file,
            train_images=np.frombuffer(train_images, np.uint8, offset=16).reshape(-1, 784),
            train_labels=np.frombuffer(train_labels, np.uint8, offset=8),
            test_images=np.frombuffer(test_images, np.uint8, offset=16).reshape(-1, 784),
            test_labels=np.frombuffer(test_labels, np.uint8, offset=8),
        )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds the four original files, uncompressed")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).with_name("mnist.npz"), help="file to write"
    )
    options = parser.parse_args(arguments)
    try:
        pack(options.folder, options.output)
    except (OSError, ValueError) as error:
        sys.exit(f"pack_mnist: {error}")
    content = options.output.read_bytes()
    print(f"{options.output}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
