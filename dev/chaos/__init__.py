"""`make chaos`: faults on real worker processes under load, and a count of what was lost or doubled."""
