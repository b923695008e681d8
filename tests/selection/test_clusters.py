import numpy as np
import pytest

from valuedata.selection.clusters import choose_n_clusters, cluster_texts


@pytest.mark.parametrize(("n_rows", "n_clusters"), [(1, 1), (2, 1), (8, 2), (200, 10), (5_000, 50)])
def test_number_of_clusters_is_the_root_of_half_the_rows(n_rows: int, n_clusters: int) -> None:
    assert choose_n_clusters(n_rows) == n_clusters


def test_two_topics_are_told_apart_and_named() -> None:
    rng = np.random.default_rng(0)
    directions = np.eye(8, dtype=np.float32)[[0, 0, 0, 0, 0, 1, 1, 1]]
    vectors = directions + 0.01 * rng.standard_normal((8, 8), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = ["soup with lentils, a soup"] * 5 + ["guitar chords on my guitar"] * 3
    clusters = cluster_texts(vectors, texts, seed=0)
    assert clusters.assignment.tolist() == [0] * 5 + [1] * 3
    assert clusters.sizes.tolist() == [5, 3]
    assert clusters.names == ("soup, lentils", "guitar, chords")


def test_texts_without_words_still_get_names() -> None:
    vectors = np.eye(8, dtype=np.float32)
    assert cluster_texts(vectors, ["12 34"] * 8, seed=0).names == ("cluster 0", "cluster 1")
    assert cluster_texts(vectors, ["the and"] * 8, seed=0).names == ("cluster 0", "cluster 1")


def test_equal_names_are_told_apart() -> None:
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 0, 0, 1, 1, 1, 1]]
    names = cluster_texts(vectors, ["tea"] * 8, seed=0).names
    assert len(set(names)) == len(names) == 2


def test_one_seed_gives_one_result() -> None:
    vectors = np.random.default_rng(1).standard_normal((300, 16), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [f"word{chr(97 + row % 26)}" for row in range(300)]
    first, second = (cluster_texts(vectors, texts, seed=7) for _ in range(2))
    assert first.assignment.tolist() == second.assignment.tolist()
    assert first.names == second.names
