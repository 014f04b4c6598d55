"""The data room: MNIST is whole and loads safely, batches are fair, toy sets are well formed."""

import gzip
import hashlib
import importlib.util
import itertools
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from helpers import Series, rng

from course_utils import data

DATA = Path(__file__).parents[1] / "data"
README = (DATA / "README.md").read_text(encoding="utf-8")
SPLITS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
TOY_SETS = [data.two_moons, data.circles]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def pack_mnist():
    spec = importlib.util.spec_from_file_location("pack_mnist", DATA / "pack_mnist.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mnist():
    return {split: data.load_mnist(split) for split in SPLITS}


@pytest.fixture(scope="module")
def originals(mnist, tmp_path_factory):
    """A folder with the four original files, rebuilt from the loaded arrays."""
    folder = tmp_path_factory.mktemp("originals")
    for split, (name, m) in SPLITS.items():
        images, labels = mnist[split]
        pixels = np.rint(images * 255).astype(np.uint8).tobytes()
        header = struct.pack(">4i", 2051, m, 28, 28)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(header + pixels)
        header = struct.pack(">2i", 2049, m)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(
            header + labels.astype(np.uint8).tobytes()
        )
    return folder


# MNIST: the content


@pytest.mark.parametrize("split", SPLITS)
def test_load_mnist_shapes_types_and_range(mnist, split):
    images, labels = mnist[split]
    m = SPLITS[split][1]
    assert images.shape == (m, 784) and images.dtype == np.float32
    assert labels.shape == (m,) and labels.dtype == np.int64
    assert images.min() == 0 and images.max() == 1
    assert np.all(np.isin(labels, range(10)))


def test_class_counts(mnist):
    train, test = (np.bincount(mnist[split][1]).tolist() for split in SPLITS)
    assert train == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert test == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_loaded_arrays_rebuild_the_originals_byte_for_byte(originals, pack_mnist):
    assert len(pack_mnist.CHECKSUMS) == 4
    for name, expected in pack_mnist.CHECKSUMS.items():
        assert sha256((originals / name).read_bytes()) == expected, name


def test_load_mnist_gives_the_training_set_by_default(mnist):
    images, labels = data.load_mnist()
    np.testing.assert_array_equal(images[:100], mnist["train"][0][:100])
    np.testing.assert_array_equal(labels, mnist["train"][1])


def test_each_load_is_fresh_and_writable():
    first, first_labels = data.load_mnist("test")
    first[:] = 7
    first_labels[:] = 7
    second, second_labels = data.load_mnist("test")
    assert second.max() == 1 and second_labels[0] == 7 and second_labels[1] == 2


def test_loading_one_split_does_not_decompress_the_other():
    tracemalloc.start()
    data.load_mnist("test")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # bytes: 51 MB are needed, the training set would take it to 66 or more


# MNIST: the file


def test_readme_states_the_checksums(pack_mnist):
    content = data.MNIST_FILE.read_bytes()
    assert f"{len(content):,} bytes" in README
    stated = set(re.findall(r"\b[0-9a-f]{64}\b", README))
    assert stated == {sha256(content), *pack_mnist.CHECKSUMS.values()}


def test_load_mnist_unknown_split():
    with pytest.raises(ValueError, match="split must be one of 'train', 'test', got 'valid'"):
        data.load_mnist("valid")


def test_missing_file_says_which_and_how_to_restore_it(monkeypatch, tmp_path):
    path = tmp_path / "mnist.npz"
    monkeypatch.setattr(data, "MNIST_FILE", path)
    with pytest.raises(FileNotFoundError) as error:
        data.load_mnist()
    assert str(path) in str(error.value)
    assert "missing" in str(error.value)
    assert "git checkout -- data/mnist.npz" in str(error.value)


DAMAGE = {
    "truncated": lambda content: content[:-1000],
    "empty": lambda content: b"",
    "one bit flipped": lambda content: (
        content[:5_000_000] + bytes([content[5_000_000] ^ 1]) + content[5_000_001:]
    ),
    "longer": lambda content: content + b"\0",
}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_file_says_which_and_how_to_restore_it(monkeypatch, tmp_path, damage, split):
    path = tmp_path / "mnist.npz"
    path.write_bytes(DAMAGE[damage](data.MNIST_FILE.read_bytes()))
    monkeypatch.setattr(data, "MNIST_FILE", path)
    with pytest.raises(ValueError) as error:
        data.load_mnist(split)
    assert str(path) in str(error.value)
    assert "damaged" in str(error.value)
    assert "git checkout -- data/mnist.npz" in str(error.value)


# Packing


def test_packing_twice_gives_the_same_bytes_and_the_same_arrays(
    originals, pack_mnist, tmp_path, capsys, monkeypatch
):
    """Of 1,000 images a split: the whole would take seconds to compress."""
    start = 16 + 1000 * 784  # bytes
    monkeypatch.setattr(pack_mnist, "read_original", lambda path: path.read_bytes()[:start])
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    pack_mnist.main([str(originals), "--output", str(paths[0])])
    monkeypatch.setattr("time.time", lambda: 2e9)  # as if on another day
    pack_mnist.main([str(originals), "--output", str(paths[1])])
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert capsys.readouterr().out.count(f"{len(first):,} bytes, sha256 {sha256(first)}") == 2
    with np.load(paths[0]) as packed, np.load(data.MNIST_FILE) as shipped:
        assert packed.files == shipped.files
        for name, array in packed.items():
            np.testing.assert_array_equal(array, shipped[name][: len(array)])


def test_packing_refuses_a_wrong_original(originals, pack_mnist, tmp_path):
    for name in pack_mnist.CHECKSUMS:
        (tmp_path / name).write_bytes((originals / name).read_bytes())
    name = "t10k-labels-idx1-ubyte"
    (tmp_path / name).write_bytes(b"no digits")
    output = tmp_path / "out.npz"
    with pytest.raises(SystemExit) as stop:
        pack_mnist.main([str(tmp_path), "--output", str(output)])
    message = str(stop.value)
    assert str(tmp_path / name) in message and "not the original" in message
    assert sha256(b"no digits") in message and pack_mnist.CHECKSUMS[name] in message
    assert not output.exists()


def test_packing_names_a_missing_original(pack_mnist, tmp_path):
    output = tmp_path / "out.npz"
    with pytest.raises(SystemExit) as stop:
        pack_mnist.main([str(tmp_path), "--output", str(output)])
    assert "train-images-idx3-ubyte" in str(stop.value)
    assert not output.exists()


# standardize


def test_standardized_training_set_has_mean_0_and_deviation_1(mnist):
    images = data.standardize(mnist["train"][0])
    assert images.dtype == np.float32
    assert abs(images.mean(dtype=np.float64)) < 1e-3
    assert abs(images.std(dtype=np.float64) - 1) < 1e-3


def test_standardize_formula_and_untouched_input(mnist):
    images = mnist["test"][0][:50]
    before = images.copy()
    result = data.standardize(images)
    np.testing.assert_allclose(result, (before.astype(float) - 0.1307) / 0.3081, atol=1e-6)
    np.testing.assert_array_equal(images, before)
    assert not np.shares_memory(result, images)
    assert data.standardize(images.astype(np.float64)).dtype == np.float64


def test_standardize_into_out(mnist):
    images = mnist["test"][0][:50].copy()
    before = images.copy()
    expected = data.standardize(images)
    out = np.empty_like(images)
    assert data.standardize(images, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(images, before)
    assert data.standardize(images, out=images) is images
    np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize("out", [np.empty((3, 5), np.float32), np.empty((4, 5), np.float64)])
def test_standardize_refuses_another_out(out):
    with pytest.raises(
        ValueError, match=r"out must be \(4, 5\) float32, got " + f"\\({out.shape[0]}"
    ):
        data.standardize(np.zeros((4, 5), np.float32), out=out)


def test_standardize_refuses_raw_bytes():
    with pytest.raises(ValueError, match="images must be floating point.* got uint8"):
        data.standardize(np.zeros((4, 5), np.uint8))


# few_digits


def test_few_digits_are_drawn_without_replacement():
    images, labels = np.arange(30.0)[:, None], np.arange(30) % 10
    drawn, of_drawn = data.few_digits((images, labels), 20, rng(1))
    assert len(set(drawn[:, 0])) == 20 and np.array_equal(of_drawn, drawn[:, 0] % 10)
    again, other = (data.few_digits((images, labels), 20, rng(seed))[0] for seed in (1, 2))
    assert np.array_equal(again, drawn) and not np.array_equal(other, drawn)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_exactly_a_share_of_few_digits_has_one_of_the_nine_other_labels(share):
    images, labels = np.arange(4000), np.repeat(np.arange(10), 400)
    drawn, spoiled = data.few_digits((images, labels), 4000, rng(), wrong=share)
    shifts = np.bincount((spoiled - labels[drawn]) % 10, minlength=10)
    assert shifts[1:].sum() == 4000 * share
    assert shifts[1:].min() >= 0.7 * 4000 * share / 9
    assert set(spoiled) == set(range(10))
    assert np.array_equal(labels, np.repeat(np.arange(10), 400))


@pytest.mark.parametrize(
    ("m", "wrong", "name"),
    [(0, 0, "m"), (5, 0, "m"), (2, -0.1, "wrong"), (2, 1.1, "wrong"), (2, np.nan, "wrong")],
)
def test_few_digits_refuse_what_makes_no_sense(m, wrong, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        data.few_digits((np.zeros((4, 2)), np.arange(4)), m, rng(), wrong)


# minibatches

IMAGES = np.arange(46, dtype=np.float32).reshape(23, 2)  # example i is (2i, 2i + 1), label i
LABELS = np.arange(23)


def batch_labels(*arguments, **keywords):
    return [labels.tolist() for _, labels in data.minibatches(*arguments, **keywords)]


def test_minibatches_keep_images_and_labels_together():
    for images, labels in data.minibatches(IMAGES, LABELS, 4, rng(), epochs=3):
        assert images.shape == (4, 2) and images.dtype == np.float32 and labels.shape == (4,)
        np.testing.assert_array_equal(images, IMAGES[labels])


@pytest.mark.parametrize("kind", [Series, np.ndarray.tolist])
def test_what_is_no_array_becomes_one_by_place_and_not_by_label(kind):
    images, labels = kind(IMAGES), kind(LABELS)
    for batch, numbers in data.minibatches(images, labels, 4, rng(), epochs=3):
        np.testing.assert_array_equal(batch, IMAGES[numbers])
    drawn, numbers = data.few_digits((images, labels), 10, rng())
    np.testing.assert_array_equal(drawn, IMAGES[numbers])
    np.testing.assert_array_equal(data.standardize(images), data.standardize(np.array(images)))


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.ma.masked_equal([1.0, 2.0], 2.0), TypeError, "without a mask"),
        ([[1.0], [1.0, 2.0]], ValueError, "with rows of one length"),
        (7, TypeError, "got 7"),
        (None, TypeError, "got None"),
    ],
)
def test_what_makes_no_array_is_refused_in_words(values, error, message):
    for call in (
        lambda: data.minibatches(values, [0, 1], 1, rng()),
        lambda: data.few_digits((values, [0, 1]), 1, rng()),
        lambda: data.standardize(values),
    ):
        with pytest.raises(error, match=f"images must be an array.*{message}"):
            call()
    with pytest.raises(error, match="labels must be an array"):
        data.minibatches([[1.0], [2.0]], values, 1, rng())


@pytest.mark.parametrize("batch_size", [1, 23])
def test_every_example_comes_once_an_epoch(batch_size):
    batches = batch_labels(IMAGES, LABELS, batch_size, rng())
    assert len(batches) == 23 // batch_size
    assert sorted(np.concatenate(batches)) == LABELS.tolist()


def test_every_batch_is_full_and_the_rest_sits_out():
    batches = batch_labels(IMAGES, LABELS, 5, rng(), epochs=40)
    assert len(batches) == 4 * 40 and {len(batch) for batch in batches} == {5}
    epochs = np.reshape(batches, (40, 20))
    assert all(len(set(epoch)) == 20 for epoch in epochs)  # no example twice
    assert set.union(*(set(range(23)) - set(epoch) for epoch in epochs)) == set(range(23))


def test_minibatches_follow_the_seed_and_reshuffle():
    first, again, other = (batch_labels(IMAGES, LABELS, 23, rng(s), epochs=2) for s in (1, 1, 2))
    assert first == again != other
    assert first[0] != first[1]
    assert LABELS.tolist() not in first


def test_minibatches_go_on_for_ever():
    endless = data.minibatches(IMAGES, LABELS, 10, rng(1), epochs=None)
    start = [labels.tolist() for _, labels in itertools.islice(endless, 101)]
    assert start[:6] == batch_labels(IMAGES, LABELS, 10, rng(1), epochs=3)
    assert len(start) == 101


def test_batches_are_copies():
    images = IMAGES.copy()
    for batch, _ in data.minibatches(images, LABELS, 23, rng()):
        batch[:] = -1
    np.testing.assert_array_equal(images, IMAGES)


@pytest.mark.parametrize("batch_size", [0, -1, 24])
def test_minibatches_refuse_batch_size_at_the_call(batch_size):
    message = f"batch_size must be at least 1 and at most 23, got {batch_size}"
    with pytest.raises(ValueError, match=message):
        data.minibatches(IMAGES, LABELS, batch_size, rng())


@pytest.mark.parametrize("epochs", [0, -1])
def test_minibatches_refuse_epochs_at_the_call(epochs):
    with pytest.raises(ValueError, match=f"epochs must be at least 1, got {epochs}"):
        data.minibatches(IMAGES, LABELS, 4, rng(), epochs=epochs)


@pytest.mark.parametrize("number", [2.0, "4", True])
def test_what_counts_is_an_integer(number):
    with pytest.raises(TypeError, match=f"batch_size must be an integer, got {number!r}"):
        data.minibatches(IMAGES, LABELS, number, rng())
    with pytest.raises(TypeError, match=f"epochs must be an integer, got {number!r}"):
        data.minibatches(IMAGES, LABELS, 4, rng(), epochs=number)


def test_minibatches_refuse_unequal_lengths_at_the_call():
    with pytest.raises(ValueError, match="labels must be as many as images, 23, got 22"):
        data.minibatches(IMAGES, LABELS[:-1], 4, rng())


@pytest.mark.parametrize("not_rng", [0, None, np.random, np.random.RandomState(0)])
def test_rng_must_be_a_generator(not_rng):
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got "):
        data.minibatches(IMAGES, LABELS, 4, not_rng)
    for draw in TOY_SETS:
        with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got "):
            draw(10, not_rng)


# Toy sets


@pytest.mark.parametrize("draw", TOY_SETS)
def test_toy_sets_are_balanced_centered_and_within_two(draw):
    points, labels = draw(2001, rng())
    assert points.shape == (2001, 2) and points.dtype == np.float32
    assert labels.shape == (2001,) and labels.dtype == np.int64
    np.testing.assert_array_equal(labels, np.arange(2001) % 2)
    assert np.all(np.abs(points.mean(axis=0)) < 0.1)
    assert np.all(np.abs(points.std(axis=0) - 1) < 0.4)
    assert np.abs(draw(2000, rng(), noise=0)[0]).max() <= 2


@pytest.mark.parametrize("draw", TOY_SETS)
def test_toy_sets_can_be_told_apart_but_not_by_a_line(draw):
    points, labels = draw(1000, rng())
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert np.mean(labels[distances.argmin(axis=1)] == labels) > 0.98
    affine = np.column_stack([points, np.ones(1000)])
    weights = np.linalg.lstsq(affine, 2 * labels - 1, rcond=None)[0]
    assert np.mean((affine @ weights > 0) == labels) < 0.92


@pytest.mark.parametrize("draw", TOY_SETS)
def test_noise_moves_the_points_of_one_draw(draw):
    np.testing.assert_array_equal(draw(50, rng(3))[0], draw(50, rng(3))[0])
    assert not np.array_equal(draw(50, rng(3))[0], draw(50, rng(4))[0])
    clean, small, large = (draw(50, rng(3), noise=noise)[0] for noise in (0, 0.1, 0.2))
    np.testing.assert_allclose(large - clean, 2 * (small - clean), atol=1e-6)
    assert abs((small - clean).std() - 0.1) < 0.03


@pytest.mark.parametrize("draw", TOY_SETS)
def test_toy_sets_refuse_bad_arguments(draw):
    for m in (0, -3):
        with pytest.raises(ValueError, match=f"m must be at least 1, got {m}"):
            draw(m, rng())
    for noise in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match=rf"noise must lie in \[0, inf\), got {noise}"):
            draw(10, rng(), noise=noise)


def test_digits_are_both_splits_standardized():
    train, test = data.digits(test=3)
    assert train[0].shape == (60_000, 784) and train[0].dtype == np.float32
    images, labels = data.load_mnist("test")
    assert np.array_equal(test[0], data.standardize(images[:3])) and (test[1] == labels[:3]).all()
    for number in (0, 10_001):
        with pytest.raises(ValueError, match=f"test must be at least 1 .* got {number}"):
            data.digits(number)


def test_other_files_in_mnists_format_are_standardized_by_their_own_pixels(originals):
    train, test = data.digits(test=3, source=data.idx_files(originals))
    ours, our_test = data.digits(test=3)
    for theirs, mine in zip([*train, *test], [*ours, *our_test], strict=True):
        assert (theirs.shape, theirs.dtype) == (mine.shape, mine.dtype)
        some = slice(None, None, 100)
        np.testing.assert_allclose(theirs[some], mine[some], atol=1e-3)  # constants are rounded


@pytest.mark.parametrize("packed", [False, True])
def test_files_in_mnists_format_may_be_packed(mnist, originals, tmp_path, packed):
    for path in originals.glob("t10k*"):
        content = path.read_bytes()
        if packed:
            content = gzip.compress(content, compresslevel=1)
        (tmp_path / f"{path.name}{'.gz' if packed else ''}").write_bytes(content)
    for read, right in zip(data.idx_files(tmp_path)("test"), mnist["test"], strict=True):
        np.testing.assert_array_equal(read, right)


def test_a_source_of_arrays_stays_as_it_is():
    arrays = {split: (rng().integers(0, 256, (20, 784)), np.arange(20) % 10) for split in SPLITS}
    before = {split: images.copy() for split, (images, _) in arrays.items()}
    (images, labels), (test_images, _) = data.digits(test=5, source=arrays.get)
    assert (len(images), len(test_images), labels[3]) == (20, 5, 3)
    assert abs(images.mean()) < 1e-5 and abs(images.std() - 1) < 1e-5
    for split, (images, _) in arrays.items():
        np.testing.assert_array_equal(images, before[split])


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((3, 400)), [0, 1, 2], r"shape \(m, 784\), got \(3, 400\)"),
        (np.eye(3, 784), [0, 1], "as many as images"),
        (np.eye(3, 784), [0, 1, 10], "labels must lie in 0"),
        (np.zeros((3, 784)), [0, 1, 2], "same gray"),
    ],
)
def test_a_source_of_something_else_is_refused(images, labels, words):
    with pytest.raises(ValueError, match=words):
        data.digits(source=lambda split: (images, labels))


def test_missing_and_damaged_files_are_refused(tmp_path):
    source = data.idx_files(tmp_path)
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte is missing"):
        source("train")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, 2, 28, 28))
    with pytest.raises(ValueError, match="damaged, or not in the format of MNIST"):
        source("train")


def test_shrunk_digits_are_means_over_two_by_two_pixels():
    images = np.arange(2 * 784.0).reshape(2, 784)
    small = data.shrunk(images)
    squares = images.reshape(2, 28, 28)
    assert small.shape == (2, 196)
    assert small[1, 0] == squares[1, :2, :2].mean() and small[0, -1] == squares[0, 26:, 26:].mean()
    assert small[0, 14 * 3 + 5] == squares[0, 6:8, 10:12].mean()
