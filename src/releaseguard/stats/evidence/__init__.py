"""E-values: how strongly rows speak against "as usual", valid however often one looks.

An e-process E is non-negative, starts at 1 and has an expectation of at most 1 at any stopping time while everything is
as usual, so that P(E ever reaches 1/alpha) <= alpha (Ville's inequality). An average of e-processes is an e-process.
Johari, Pekelis and Walsh (arXiv 1512.04922); Lindon and Malek, NeurIPS 2022 (arXiv 2011.03567); Turner and Gruenwald
(arXiv 2302.11401); Vovk and Wang, Ann. Statist. 49 (2021), 1736, on averages.
"""
