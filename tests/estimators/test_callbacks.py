"""Callbacks of scikit-learn 1.9: each read of all rows is a task; a hook may end the fit."""

from __future__ import annotations

import io

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sigmax as sx

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
DATA = {"two": load_breast_cancer(return_X_y=True), "three": load_iris(return_X_y=True)}
DATA = {name: (StandardScaler().fit_transform(X), y) for name, (X, y) in DATA.items()}


class Log:
    """Writes down what it is told; asks to stop at the end of the task `stop`."""

    def __init__(self, stop=None):
        self.stop, self.events, self.models, self.given = stop, [], [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.events.append(("end", context.task_name, context.task_id))
        self.given.append((X, y, metadata))
        if context.task_name == "read":
            self.models.append(fitted_estimator)
            return context.task_id == self.stop
        return None


@pytest.mark.parametrize("name", ["two", "three"])
def test_each_read_is_a_task(name):
    X, y = DATA[name]
    log = Log()
    model = sx.LogisticRegression().set_callbacks(log).fit(X, y)
    assert log.events[:2] == ["setup", ("begin", "fit", 0)]
    assert log.events[-2:] == [("end", "fit", 0), "teardown"]
    reads = log.events[2:-2]
    n = len(reads) // 2
    assert reads == [(what, "read", i) for i in range(n) for what in ("begin", "end")]
    # the last one was begun and not needed
    assert log.models[-1] is None
    # a step ends with a read, the first one begins with it; what is read for the certificate is no task
    assert n - 1 == model.n_iter_[0] + 1
    losses = [log_loss(y, one.predict_proba(X)) for one in log.models[:-1]]
    assert losses[0] == pytest.approx(np.log(len(model.classes_)))
    last = log.models[-2]
    np.testing.assert_allclose(last.coef_, model.coef_, rtol=1e-12)
    assert not hasattr(last, "result_")
    assert log.given[0][2] is None
    # it is watched and not changed
    np.testing.assert_allclose(model.coef_, sx.LogisticRegression().fit(X, y).coef_, rtol=1e-12)
    assert not hasattr(model, "_callback_fit_ctx")


def test_without_an_intercept_and_with_weights():
    X, y = DATA["three"]
    weight, log = np.linspace(1.0, 2.0, len(y)), Log()
    model = sx.LogisticRegression(fit_intercept=False).set_callbacks(log).fit(X, y, weight)
    assert log.given[0][2]["sample_weight"] is weight
    assert log.given[0][0] is X
    np.testing.assert_array_equal(log.models[-2].intercept_, np.zeros(3))
    assert log.models[-2].coef_.shape == model.coef_.shape


def test_a_hook_ends_the_fit():
    X, y = DATA["two"]
    log = Log(stop=2)
    with pytest.warns(sx.ConvergenceWarning, match="let it run"):
        model = sx.LogisticRegression().set_callbacks(log).fit(X, y)
    assert log.events[-2:] == [("end", "fit", 0), "teardown"]
    assert not model.result_.certificate.converged
    np.testing.assert_allclose(model.coef_, log.models[2].coef_, rtol=1e-12)
    assert model.predict(X).shape == y.shape


def test_an_error_tears_down():
    X, y = DATA["two"]
    log = Log()
    with pytest.raises(ValueError, match="must be finite"):
        sx.LogisticRegression().set_callbacks(log).fit(np.where(X > 1.0, np.inf, X), y)
    assert log.events[-1] == "teardown"


def test_dependent_columns():
    X, y = DATA["two"]
    X, log = np.column_stack([X[:, :3], X[:, 0] - X[:, 1]]), Log()
    model = sx.LogisticRegression(C=np.inf).set_callbacks(log).fit(X, y)
    assert model.coef_.shape == (1, 4)
    # while a column is left out there is nothing in the layout of the data to predict with
    assert log.models[-2] is None
    assert log.models[0] is not None


def test_scikit_learns_own_callbacks():
    X, y = DATA["three"]
    monitor = callback.ScoringMonitor(scoring="neg_log_loss")
    model = sx.LogisticRegression().set_callbacks(monitor)
    search = GridSearchCV(sx.LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
    model.fit(X, y)
    scores = [row["neg_log_loss"] for row in monitor.get_logs(select="most_recent").data]
    # that of the fit, and of each read
    assert len(scores) == 1 + model.n_iter_[0] + 1
    assert scores[1] == pytest.approx(-np.log(3.0))
    assert scores[-1] == pytest.approx(scores[0], rel=1e-12)
    assert scores[0] > scores[1]
    with pytest.raises(TypeError, match="FitCallback protocol"):
        model.set_callbacks(io.StringIO())
    assert search.fit(X, y).best_score_ > 0.9


def test_progress_bar_of_scikit_learn(capsys):
    pytest.importorskip("rich")
    X, y = DATA["three"]
    model = sx.LogisticRegression().set_callbacks(callback.ProgressBar()).fit(X, y)
    assert model.result_.certificate.converged
    assert "LogisticRegression - fit" in capsys.readouterr().out


class Propagated(Log):
    """Set on what holds estimators, and handed on to them."""

    max_propagation_depth = None


@pytest.mark.parametrize("outer", ["search", "pipeline"])
def test_of_an_outer_estimator(outer):
    X, y = DATA["three"]
    log = Propagated()
    inner = sx.LogisticRegression()
    model = (
        GridSearchCV(inner, {"C": [0.1, 1.0]}, cv=2)
        if outer == "search"
        else make_pipeline(StandardScaler(), inner)
    )
    model.set_callbacks(log).fit(X, y)
    assert (log.events[0], log.events[-1]) == ("setup", "teardown")
    begun, ended = (sum(one[:2] == (what, "read") for one in log.events) for what in ("begin", "end"))
    fits = 5 if outer == "search" else 1
    assert begun == ended
    assert begun >= 5 * fits
    assert not hasattr(inner, "_skl_callbacks")
