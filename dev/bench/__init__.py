"""`make bench`: how fast the product is, as ratios inside one run, since machines differ and are shared."""
