"""Topics of the selected pairs: spherical k-means on vectors, named by typical words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer

__all__ = ["Clusters", "choose_n_clusters", "cluster_texts"]

WORD = r"(?u)\b[^\W\d_]{3,}\b"  # at least three letters
N_NAME_WORDS = 3
N_ITERATIONS = 25


@dataclass(frozen=True)
class Clusters:
    """A partition of n rows.

    Attributes:
        assignment: (n,) int64 cluster of each row; cluster 0 is the largest.
        names: Name of each cluster; all differ.
    """

    assignment: npt.NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """(k,) int64 rows in each cluster."""
        return np.bincount(self.assignment, minlength=len(self.names))


def choose_n_clusters(n_rows: int) -> int:
    """Chooses the number of clusters: the square root of half the rows, at least one.

    Source: the rule of thumb k = sqrt(n / 2) of Mardia, Kent and Bibby, Multivariate Analysis
        (1979), p. 365.
    """
    return max(1, round(math.sqrt(n_rows / 2)))


def cluster_texts(vectors: npt.NDArray[np.float32], texts: Sequence[str], seed: int) -> Clusters:
    """Clusters rows by their vectors and names the clusters by their texts.

    Args:
        vectors: (n, d) float32 unit vectors.
        texts: n texts that the names are made of.
        seed: Seed of the k-means initialisation.

    Source: spherical k-means, Dhillon and Modha 2001.
    """
    n_clusters = choose_n_clusters(len(vectors))
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # sums in one order, so that every machine finds the same clusters
    try:
        kmeans = faiss.Kmeans(
            vectors.shape[1],
            n_clusters,
            niter=N_ITERATIONS,
            seed=seed,
            spherical=True,
            min_points_per_centroid=1,
            max_points_per_centroid=256,
        )
        kmeans.train(vectors)
        _, nearest = kmeans.index.search(vectors, 1)
    finally:
        faiss.omp_set_num_threads(threads)
    assignment = _number_by_size(nearest[:, 0])
    return Clusters(assignment, _name_clusters(assignment, texts))


def _number_by_size(nearest: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Renumbers clusters without gaps, largest first, equal ones by their first row."""
    found, first_rows, sizes = np.unique(nearest, return_index=True, return_counts=True)
    number = np.empty(found.max() + 1, dtype=np.int64)
    number[found[np.lexsort((first_rows, -sizes))]] = np.arange(len(found))
    return number[nearest]


def _name_clusters(assignment: npt.NDArray[np.int64], texts: Sequence[str]) -> tuple[str, ...]:
    """Names each cluster by its words of highest class-based TF-IDF.

    The weight of word t in cluster c is tf(t, c) * log(1 + A / f(t)), with A the mean number of
    words a cluster and f(t) the word's count over all clusters.

    Source: Grootendorst 2022, BERTopic, arXiv 2203.05794, equation 2.
    """
    n_clusters = int(assignment.max()) + 1
    documents: list[list[str]] = [[] for _ in range(n_clusters)]
    for cluster, text in zip(assignment.tolist(), texts, strict=True):
        documents[cluster].append(text)
    joined = ["\n".join(document) for document in documents]
    vectorizer = CountVectorizer(stop_words="english", token_pattern=WORD)
    try:
        counts = vectorizer.fit_transform(joined).astype(np.float64)
    except ValueError:  # scikit-learn's word for a vocabulary that is empty
        return tuple(f"cluster {cluster}" for cluster in range(n_clusters))
    words = vectorizer.get_feature_names_out()
    frequency = np.asarray(counts.sum(axis=0)).ravel()
    rarity = np.log1p(counts.sum() / n_clusters / frequency)
    names: list[str] = []
    for cluster in range(n_clusters):
        own = slice(counts.indptr[cluster], counts.indptr[cluster + 1])
        columns = counts.indices[own]
        weights = counts.data[own] * rarity[columns]
        best = columns[np.lexsort((words[columns], -weights))][:N_NAME_WORDS]
        name = ", ".join(words[best]) or f"cluster {cluster}"
        names.append(name if name not in names else f"{name} ({cluster})")
    return tuple(names)
