"""Random formulas in typst's math: nonsense that looks like the mathematics, physics or statistics of a paper."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

_LATIN: Final = tuple("abcdefghijklmnpqrstuvwxyzABCDEFGHKLMNPQRSTUVWXYZ")
_GREEK: Final = (
    "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
    "sigma", "tau", "phi", "psi", "omega", "Gamma", "Delta", "Lambda", "Sigma", "Phi", "Psi", "Omega",
)  # fmt: skip
_RELATIONS: Final = ("=", "=", "=", "=", "<=", ">=", "approx", "in", ":=", "prop", "equiv", "tilde.op", "<", "subset")
_OPERATORS: Final = ("+", "+", "-", "-", "dot.op", "times", "plus.minus", "compose", "/")
_FUNCTIONS: Final = ("sin", "cos", "log", "exp", "ln", "tanh", "max", "det", "arg", "dim", "min")


class Formulas:
    """Formulas of one document: its own letters come back in all of them."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._letters = rng.sample(_LATIN, 7) + rng.sample(_GREEK, 4)

    def inline(self) -> str:
        """A small formula within text, with its dollars."""
        rng = self.rng
        kind = rng.randrange(4)
        if kind == 0:
            return f"${self._symbol()}$"
        if kind == 1:
            return f"${self._symbol()} {rng.choice(_RELATIONS)} {rng.randint(0, 20)}$"
        if kind == 2:
            return f"${self._symbol()}({self._symbol()})$"
        return f"${self._symbol()} {rng.choice(_OPERATORS[:4])} {self._symbol()}$"

    def display(self, width: float) -> str:
        """A display formula of roughly at most `width` em, with its dollars."""
        rng = self.rng
        terms = max(1, min(5, int(width / 7)))
        roll = rng.random()
        if roll < 0.6 or width < 12:
            body = self._line(rng.randint(1, terms))
        elif roll < 0.82:
            rows = [f"{self._atom()} &= {self._sum(rng.randint(1, terms))}"]
            rows += [f"&= {self._sum(rng.randint(1, terms))}" for _ in range(rng.randint(1, 3))]
            if rng.random() < 0.3:
                rows = [
                    f"{self._atom()} &{rng.choice(('=', '<=', '>='))} {self._sum(rng.randint(1, terms))}" for _ in rows
                ]
            body = " \\\n".join(rows)
        elif roll < 0.9:
            cases = ", ".join(f"{self._term(1)} & {self._condition()}" for _ in range(rng.randint(2, 4)))
            body = f"{self._symbol()}({self._letter()}) = cases({cases})"
        else:
            size = rng.randint(2, 4 if width > 18 else 3)
            rows = "; ".join(", ".join(self._entry() for _ in range(size)) for _ in range(size))
            delimiter = rng.choice(("(", "[", "|"))
            body = f'bold({self._letter()}) = mat(delim: "{delimiter}", {rows})'
            if rng.random() < 0.4 and width > 20:
                body += f" vec({self._entry()}, {self._entry()}, {self._entry()})"
        if rng.random() < 0.15:
            body += rng.choice((".", ","))
        return f"$ {body} $"

    def _letter(self) -> str:
        return self.rng.choice(self._letters)

    def _symbol(self) -> str:
        rng = self.rng
        letter = self._letter()
        roll = rng.random()
        if roll < 0.12:
            letter = f"{rng.choice(('hat', 'tilde', 'overline', 'bold', 'cal', 'dot', 'arrow'))}({letter})"
        if rng.random() < 0.4:
            letter += f"_{rng.choice(('i', 'j', 'k', '0', '1', '2', 't', 'n', '(i j)', '(t-1)', '(n+1)', 'max'))}"
        if rng.random() < 0.2:
            letter += f"^{rng.choice(('2', '3', 'n', '(-1)', '*', 'T', '(k)', '(1/2)'))}"
        return letter

    def _entry(self) -> str:
        return self._symbol() if self.rng.random() < 0.6 else str(self.rng.randint(-3, 9))

    def _condition(self) -> str:
        return f"{self._letter()} {self.rng.choice(('<', '>', '<=', '=', '!='))} {self.rng.randint(0, 9)}"

    def _atom(self) -> str:
        rng = self.rng
        roll = rng.random()
        if roll < 0.6:
            return self._symbol()
        if roll < 0.75:
            return f"{self._symbol()}({self._letter()}{f', {self._letter()}' if rng.random() < 0.4 else ''})"
        if roll < 0.85:
            return f"{rng.choice(_FUNCTIONS)} {self._symbol()}"
        if roll < 0.93:
            return f"{rng.randint(2, 12)} {self._symbol()}"
        return f"norm({self._symbol()})_2"

    def _term(self, depth: int) -> str:
        rng = self.rng
        if depth <= 0 or rng.random() < 0.35:
            return self._atom()
        inner: tuple[Callable[[], str], ...] = (
            lambda: f"frac({self._sum(rng.randint(1, 2), depth - 1)}, {self._sum(rng.randint(1, 2), depth - 1)})",
            lambda: f"frac(partial {self._symbol()}, partial {self._letter()})",
            lambda: f"sum_({self._letter()}=1)^{rng.choice(('n', 'N', 'oo', 'K'))} {self._term(depth - 1)}",
            lambda: f"{self._integral()} {self._term(depth - 1)} dif {self._letter()}",
            lambda: f"product_({self._letter()} in {self._letter()}) {self._term(depth - 1)}",
            lambda: f"sqrt({self._sum(rng.randint(1, 2), depth - 1)})",
            lambda: f"lr(({self._sum(2, depth - 1)}))^{rng.choice(('2', 'n', '(-1)', 'alpha'))}",
            lambda: f"e^(-{self._atom()})",
            lambda: f"bb(E)[{self._sum(rng.randint(1, 2), depth - 1)}]",
            lambda: f"binom({self._letter()}, {self._letter()})",
            lambda: f"abs({self._sum(2, depth - 1)})",
            lambda: f"lim_({self._letter()} -> {rng.choice(('0', 'oo'))}) {self._term(depth - 1)}",
            lambda: f"underbrace({self._sum(2, depth - 1)}, {self._letter()})",
            lambda: f"nabla^2 {self._symbol()}",
        )
        return rng.choice(inner)()

    def _integral(self) -> str:
        rng = self.rng
        return f"integral_{rng.choice(('0', '(-oo)', 'a', 'Omega'))}^{rng.choice(('1', 'oo', 'b', 't'))}"

    def _sum(self, terms: int, depth: int = 2) -> str:
        parts = [self._term(depth)]
        for _ in range(terms - 1):
            parts += [self.rng.choice(_OPERATORS), self._term(depth)]
        return " ".join(parts)

    def _line(self, terms: int) -> str:
        left = self._atom() if self.rng.random() < 0.8 else self._term(1)
        line = f"{left} {self.rng.choice(_RELATIONS)} {self._sum(terms)}"
        if terms > 2 and self.rng.random() < 0.25:
            line += f", quad {self._condition()}"
        return line
