"""Robust errors by Stata and by R's gee, as statsmodels' tests quote them.

`SPECTOR_ROBUST` is from ``statsmodels/discrete/tests/results/results_glm_logit_constrained.py``, object
``results_noconstraint_robust``, of statsmodels 0.15.0; Stata's command is kept there:

    glm grade gpa tuce psi, family(binomial) vce(robust)

Its figures are those of the data in double precision.  Stata ended with parameters 1.2e-7 of their size off,
so that its figures are those of the maximum to six digits only; *at the parameters that Stata printed* they
are right to 12.  Stata multiplies the sandwich by n / (n - 1) = 32 / 31.

`GEE_LOGISTIC` is from ``statsmodels/genmod/tests/test_gee.py``, ``test_logistic``, R's package gee with
``corstr="independence"`` on the file ``results/gee_logistic_1.csv`` of the same folder: column 1 the
cluster, column 2 the response, columns 3 to 5 the regressors.  With that working correlation the estimates
are those of maximum likelihood, and the errors those of clusters without the factor G / (G - 1).
"""

from __future__ import annotations

#: intercept, GPA, TUCE, PSI; Stata has the constant last
SPECTOR_ROBUST = {
    "params": ("-13.021345912635", "2.8261124216999", ".09515765001172", "2.3786875040587"),
    "standard_errors": ("5.2807513766642", "1.287827879216", ".1198091371814", ".97985082470462"),
    "covariance": (
        ("27.886335102141", "-5.7738061195745", "-.34768562593344", "-1.5315997267117"),
        ("-5.7738061195745", "1.6585006464861", ".00630184631279", ".20368998146717"),
        ("-.34768562593344", ".00630184631279", ".01435422935215", ".01997066738212"),
        ("-1.5315997267117", ".20368998146717", ".01997066738212", ".96010763867432"),
    ),
}

GEE_LOGISTIC = {
    "params": ("0.0167272965285882", "1.13038654425893", "-1.86896345082962", "1.09397608331333"),
    "standard_errors": ("0.127291720283049", "0.166725808326067", "0.192430061340865", "0.173141068839597"),
}
