"""`python -m carbot_crm.trainings.fitting`: reads Examples as JSON, writes Fitted as JSON. No network, no database.

A process of its own, since scikit-learn takes seconds to import and more memory than a worker has to spare.
"""

import sys
from typing import Any

import msgspec
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from carbot_crm.trainings.models import Examples, Fitted

_PARTS = 5


def fit(examples: Examples) -> Fitted:
    """Return the L2-regularised logistic regression (scikit-learn's defaults) over standardised features, in their own units."""
    scaler, regression = StandardScaler(), LogisticRegression(max_iter=1000)
    model = make_pipeline(scaler, regression)
    parts = StratifiedKFold(_PARTS, shuffle=True, random_state=0)
    quality = cross_val_score(model, examples.features, examples.won, cv=parts, scoring="roc_auc").mean()
    model.fit(examples.features, examples.won)
    coefficients: Any = regression.coef_
    intercepts: Any = regression.intercept_
    weights = coefficients[0] / scaler.scale_
    return Fitted(float(intercepts[0] - weights @ scaler.mean_), weights.tolist(), float(quality))


if __name__ == "__main__":
    read = msgspec.json.decode(sys.stdin.buffer.read(), type=Examples)
    sys.stdout.buffer.write(msgspec.json.encode(fit(read)))
