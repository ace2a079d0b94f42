from resumepair_graphql.lru import Lru


def test_what_was_longest_not_asked_for_goes_first() -> None:
    cache: Lru[str, int] = Lru(2, 100)
    cache.put("a", 1, 1)
    cache.put("b", 2, 1)
    assert cache.get("a") == 1
    cache.put("c", 3, 1)
    assert (cache.get("a"), cache.get("b"), cache.get("c"), cache.weight) == (1, None, 3, 2)


def test_weight_is_a_limit_as_well() -> None:
    cache: Lru[str, int] = Lru(100, 10)
    for key in "abc":
        cache.put(key, 0, 4)
    assert (len(cache), cache.weight, cache.get("a")) == (2, 8, None)


def test_what_is_too_heavy_is_not_kept_and_drives_nothing_out() -> None:
    cache: Lru[str, int] = Lru(100, 10)
    cache.put("a", 1, 5)
    cache.put("b", 2, 11)
    assert (cache.get("a"), cache.get("b")) == (1, None)


def test_an_entry_that_is_put_again_weighs_once() -> None:
    cache: Lru[str, int] = Lru(100, 10)
    cache.put("a", 1, 6)
    cache.put("a", 2, 7)
    assert (len(cache), cache.weight, cache.get("a")) == (1, 7, 2)
