"""Each contender at its best number of threads: what every ratio in the report is made of."""

from dataclasses import dataclass
from statistics import median

from benchmarks.contenders import PEER

OURS, SKLEARN = "retrograd", "scikit-learn"


@dataclass(frozen=True)
class Best:
    """A contender's median seconds, and the setting that they were reached with."""

    title: str
    seconds: float
    threads: int | str
    record: dict

    def __str__(self):
        """Return the contender and its setting, as the tables name it."""
        return f"{self.title}, {_setting(self.threads)}"


def best(records):
    """Return the best of each contender among records of one work."""
    found = {}
    for record in records:
        seconds, title = median(record["wall"]), record["contender"]
        if title not in found or seconds < found[title].seconds:
            found[title] = Best(title, seconds, record["threads"], record)
    return found


def fastest_peer(found):
    """Return the fastest of those who do the same arithmetic, ours left out; or None."""
    peers = [b for b in found.values() if b.record["role"] == PEER and b.title != OURS]
    return min(peers, key=lambda b: b.seconds, default=None)


def of_work(records, **facts):
    """Return the records that have all these facts."""
    return [r for r in records if all(r.get(name) == value for name, value in facts.items())]


def _setting(threads):
    if threads == "default":
        return "default threads"
    return "1 thread" if threads == 1 else f"{threads} threads"
