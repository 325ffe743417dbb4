"""Certificates in a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.inference.stored.fields import Fields, number
from sigmax.solvers.certificate import Certificate
from sigmax.solvers.firth_certificate import Bounds, FirthCertificate

Arrays = dict[str, npt.NDArray[np.generic]]


def pack(name: str, certificate: Certificate, arrays: Arrays) -> dict[str, Any]:
    """What the header says of a certificate; adds its bounds to the arrays."""
    arrays[f"{name}.error_bound"] = certificate.error_bound
    header: dict[str, Any] = {
        "kind": "likelihood",
        "converged": bool(certificate.converged),
        "exists": None if certificate.exists is None else bool(certificate.exists),
        "newton_decrement": number(certificate.newton_decrement),
        "standard_errors_off": number(certificate.standard_errors_off),
        "digits": number(certificate.digits),
        "condition_number": number(certificate.condition_number),
        "iterations": int(certificate.iterations),
        "passes": number(certificate.passes),
        "reason": certificate.reason,
    }
    if isinstance(certificate, FirthCertificate):
        header |= {"kind": "firth", "score": number(certificate.score)}
    return header


def unpack(name: str, fields: Fields, shape: tuple[int | None, ...]) -> Certificate:
    """The certificate, its bounds of a shape."""
    bound = fields.array(f"{name}.error_bound", np.float64, shape)
    kind = fields.one_of("kind", ("likelihood", "firth"))
    state: dict[str, Any] = {
        "converged": fields.truth("converged"),
        "newton_decrement": fields.number("newton_decrement"),
        "iterations": fields.whole("iterations", 0),
        "passes": fields.number("passes"),
        "reason": fields.text("reason"),
    }
    exists = fields.maybe("exists", fields.truth)
    bounds: dict[str, Any] = {
        "error_bound": bound,
        "standard_errors_off": fields.number("standard_errors_off"),
        "digits": fields.number("digits", finite=True, least=0.0),
        "condition_number": fields.number("condition_number"),
    }
    if kind == "likelihood":
        fields.end()
        return Certificate(exists=exists, **state, **bounds)
    if exists is not True:
        raise fields.refuse("exists", "true, as Firth's estimates do")
    score = fields.number("score")
    fields.end()
    return FirthCertificate(**state, score=score, bounds=Bounds(**bounds))
