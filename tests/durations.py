"""How many seconds each file of the tests takes about: the order in which workers get them, nothing else."""

SECONDS: dict[str, float] = {}
