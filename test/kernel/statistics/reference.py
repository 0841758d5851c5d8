"""Makes reference.json by SciPy: python3 -m venv V; V/bin/pip install scipy; V/bin/python reference.py > reference.json; npx prettier --write reference.json"""
import itertools, json
import numpy, scipy
from scipy import stats

random = numpy.random.default_rng(20261121)


def signed_rank(differences):
    differences = [float(each) for each in differences]
    sizes = [abs(each) for each in differences if each != 0]
    if len(set(sizes)) < len(sizes) and len(sizes) <= 60:
        # SciPy's own exact method knows no ties; all ways to give the signs are tried, or the distribution is convolved.
        ranks = [round(2 * rank) for rank in stats.rankdata(sizes)]
        ways = numpy.zeros(sum(ranks) + 1)
        ways[0] = 1
        for rank in ranks:
            moved = numpy.zeros_like(ways)
            moved[rank:] = ways[: len(ways) - rank]
            ways = (ways + moved) / 2
        signs = [each > 0 for each in differences if each != 0]
        tail = float(ways[sum(rank for rank, positive in zip(ranks, signs) if positive) :].sum())
    elif len(sizes) <= 60:
        tail = float(stats.wilcoxon(differences, alternative='greater', method='exact').pvalue)
    else:
        tail = float(stats.wilcoxon(differences, alternative='greater', method='asymptotic', correction=True).pvalue)
    means = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(differences, 2))
    return {'differences': differences, 'tail': tail, 'estimate': float(numpy.median(means))}


def rounded(values, digits):
    return [float(each) for each in numpy.round(values, digits)]


signed_ranks = [
    signed_rank(rounded(random.normal(shift, 1, count), digits))
    for count in (1, 2, 5, 8, 12, 20, 37, 50, 60, 61, 150)
    for shift in (-0.5, 0, 0.4)
    for digits in (12, 1)
]
counts = [(0, 20, 0, 20), (0, 20, 5, 20), (0, 50, 7, 50), (0, 50, 8, 50), (3, 50, 9, 40), (10, 1000, 30, 1000), (1, 4, 3, 4)]
counts += [(5, 20000, 25, 20000), (20, 20, 20, 20), (7, 30, 2, 50), (400, 5000, 480, 5000), (0, 5, 5, 5)]
fishers = [
    {'old': {'bad': a, 'of': m}, 'new': {'bad': b, 'of': n},
     'tail': float(stats.fisher_exact([[b, n - b], [a, m - a]], alternative='greater').pvalue)}
    for a, m, b, n in counts
]
binomials = [
    {'hits': hits, 'of': of, 'share': share, 'tail': float(stats.binom.sf(hits - 1, of, share))}
    for of in (5, 50, 1000, 20000)
    for share in (0.001, 0.05, 0.5, 0.97)
    for hits in sorted({0, 1, round(of * share), min(of, round(of * share * 1.3) + 2), of})
]
normals = [{'z': z, 'tail': float(stats.norm.sf(z))} for z in (-8.2, -3, -1.5, -0.1, 0, 0.3, 1, 1.96, 2.9, 2.999, 3, 3.001, 4.5, 8, 20, 37)]
quantiles = [{'share': share, 'z': float(stats.norm.isf(share))} for share in (0.9999, 0.8, 0.5, 0.2, 0.05, 0.01, 0.005, 0.0005, 1e-9)]

print(json.dumps({'scipy': scipy.__version__, 'signedRanks': signed_ranks, 'fishers': fishers, 'binomials': binomials, 'normals': normals, 'quantiles': quantiles}))
