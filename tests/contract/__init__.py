"""One contract for all providers: the same request gets the same answer, whoever gives it, through the whole gateway."""
